import pytest
import torch
import torch.nn.functional as F
from mmengine.runner.checkpoint import load_state_dict

from cocodiff_mm.models.necks import LatentDiffusionNeck
from cocodiff_mm.text.bank import TextBank

WIDTH = 16


def make_neck(**settings):
    torch.manual_seed(0)
    neck = LatentDiffusionNeck(in_channels=WIDTH, text_bank='synthetic', **settings)
    for p in neck.denoiser.parameters():  # its last layer starts at zero
        if not p.any():
            torch.nn.init.normal_(p, std=0.05)
    return neck


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return torch.randn(12, WIDTH) * 3 + 5, torch.arange(12) % 5


def test_gives_generated_features_and_named_losses(batch):
    generated, losses = make_neck()(*batch)
    assert generated.shape == (12, WIDTH)
    assert list(losses) == ['loss_rec', 'loss_con']
    assert not torch.allclose(generated, batch[0])


def test_mild_noise_keeps_the_meaning(batch):
    # With the default schedule sqrt(abar_T) = 0.86 of the feature is left.
    generated = make_neck()(*batch)[0]
    standard = (batch[0] - batch[0].mean(0)) / batch[0].std(0)
    other = (generated - batch[0].mean(0)) / batch[0].std(0)
    assert F.cosine_similarity(standard.flatten(), other.flatten(), dim=0) > 0.6


def test_every_parameter_learns(batch):
    neck = make_neck(text_dropout=0.5)
    feats, labels = batch
    sum(neck.loss(feats, labels).values()).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None] == []
    assert [name for name, p in neck.named_parameters() if not p.grad.any()] == []


@pytest.mark.parametrize('settings', [dict(), dict(fine=None), dict(loss_text=None)])
def test_no_parameter_is_left_without_gradient(settings, batch):
    # Distributed training hangs on parameters that take no part.
    neck = make_neck(**settings)
    sum(neck.loss(*batch).values()).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize('mode', ['straight_through', 'none', 'one_step', 'full'])
def test_gradient_of_the_generated_feature(mode, batch):
    neck = make_neck(generated_grad=mode, num_timesteps=4)
    neck.scale.set_from(batch[0])
    feats = batch[0].clone().requires_grad_()
    generated = neck.generate(feats, batch[1])
    weight = torch.randn_like(generated)
    if mode == 'none':
        assert not generated.requires_grad
        return
    grads = torch.autograd.grad(
        (generated * weight).sum(), [feats, *neck.denoiser.parameters()], allow_unused=True)
    reaches_denoiser = any(g is not None and g.any() for g in grads[1:])
    if mode == 'straight_through':
        assert torch.equal(grads[0], weight)
        assert not reaches_denoiser
    else:
        assert grads[0].any() and not torch.equal(grads[0], weight)
        assert reaches_denoiser


@pytest.mark.parametrize('rec_grad', [False, True])
@pytest.mark.parametrize('con_grad', [False, True])
def test_gradient_of_the_losses_goes_where_it_may(rec_grad, con_grad, batch):
    neck = make_neck(rec_grad=rec_grad, con_grad=con_grad)
    neck.scale.set_from(batch[0])
    feats = batch[0].clone().requires_grad_()
    losses = neck.loss(feats, batch[1])
    for name, may in (('loss_rec', rec_grad), ('loss_con', con_grad)):
        grad, = torch.autograd.grad(losses[name], feats, retain_graph=True, allow_unused=True)
        assert (grad is not None and bool(grad.any())) == may, name


def test_oracle_denoiser_gives_the_feature_back(batch):
    neck = make_neck(sampler='one_step')
    neck.scale.set_from(batch[0])
    x0, seen = neck.scale.standardize(batch[0]), {}

    def bind(text, num_timesteps, drop):
        def oracle(x, timesteps):
            seen['text'] = text
            return neck.schedule.predict_noise(x, x0, timesteps)
        return oracle

    neck.denoiser.bind = bind
    torch.testing.assert_close(neck.generate(*batch), batch[0], rtol=1e-4, atol=1e-4)
    rows = neck.fine[batch[1]]
    assert (rows == seen['text'][:, None]).all(-1).any(-1).all(), 'text of another class'


def test_loss_rec_is_the_mean_squared_error_of_the_noise(batch):
    neck = make_neck()
    for p in neck.denoiser.parameters():
        torch.nn.init.zeros_(p)
    value = neck.loss(batch[0].repeat(400, 1), batch[1].repeat(400))['loss_rec']
    assert value.item() == pytest.approx(1.0, rel=0.02)  # E eps^2 of a silent denoiser


@pytest.mark.parametrize('choice, same', [('first', True), ('mean', True), ('random', False)])
def test_text_choice(choice, same):
    neck = make_neck(coarse=choice)
    labels = torch.zeros(50, dtype=torch.long)
    picked = neck._pick(neck.coarse, neck.coarse_count, labels, choice)
    assert bool((picked == picked[0]).all()) == same
    torch.testing.assert_close(picked.norm(dim=1), torch.ones(50))
    if choice == 'random':
        assert len(picked.unique(dim=0)) == neck.coarse_count[0]
    if choice == 'first':
        assert torch.equal(picked[0], neck.coarse[0, 0])


def test_without_fine_text_the_class_makes_no_difference(batch):
    neck = make_neck(fine=None, loss_text=None)
    neck.scale.set_from(batch[0])
    outputs = []
    for labels in (batch[1], batch[1] + 3):
        torch.manual_seed(5)
        outputs.append(neck.generate(batch[0], labels))
    assert torch.equal(*outputs)


def test_guidance_scale_weighs_with_and_without_text(batch):
    walks = {}
    for scale in (1.0, 3.0):
        neck = make_neck(text_dropout=0.1, guidance_scale=scale, sampler='one_step')
        neck.scale.set_from(batch[0])
        torch.manual_seed(5)
        walks[scale] = neck.generate(*batch)
        drop = neck._fine
    neck._fine = lambda labels, generating=False: (
        drop(labels, generating)[0], torch.ones_like(labels, dtype=torch.bool))
    torch.manual_seed(5)
    free = neck.generate(*batch)  # both sides without text: the scale cancels
    torch.testing.assert_close(walks[3.0], free + 3 * (walks[1.0] - free), rtol=1e-3, atol=1e-3)


def test_checkpoint_holds_no_text_and_its_keys_are_few():
    keys = make_neck().state_dict()
    assert not {'fine', 'coarse', 'fine_count', 'coarse_count'} & set(keys)
    assert not [key for key in keys if key.startswith('schedule.')]
    assert {'scale.mean', 'scale.var', 'scale.num_batches'} <= set(keys)


def test_a_checkpoint_of_a_bank_of_other_width_is_refused(tmp_path):
    bank = TextBank.load('synthetic')
    narrow = TextBank(bank.classes, F.normalize(bank.fine[..., :96], dim=-1), bank.fine_count,
                      F.normalize(bank.coarse[..., :96], dim=-1), bank.coarse_count)
    narrow.save(tmp_path / 'narrow.safetensors')
    trained = make_neck().state_dict()
    make_neck().load_state_dict(trained)
    neck = LatentDiffusionNeck(WIDTH, text_bank=str(tmp_path / 'narrow.safetensors'))
    with pytest.raises(ValueError, match='texts 384 wide, and text bank .*narrow.safetensors.* '
                                         'has 96; set model.neck.text_bank'):
        load_state_dict(torch.nn.ModuleDict(dict(neck=neck)),
                        {f'neck.{key}': value for key, value in trained.items()}, strict=False)


def test_statistics_follow_in_training_only(batch):
    neck = make_neck().eval()
    neck(*batch)
    assert neck.scale.num_batches == 0
    neck.train()(*batch)
    torch.testing.assert_close(neck.scale.mean, batch[0].mean(0))


def test_classes_choose_rows_of_the_bank():
    full, part = make_neck(), make_neck(classes=['throw', 'drink water'])
    assert part.num_classes == 2
    assert torch.equal(part.coarse[0, 0], full.coarse[full.classes.index('throw'), 0])


@pytest.mark.parametrize('settings, message', [
    (dict(num_timesteps=0), 'num_timesteps'),
    (dict(schedule='quadratic'), "'quadratic'.*linear.*scaled_linear.*cosine"),
    (dict(denoiser=dict(type='Transformer')), 'Transformer.*ConvUNet1D.*LinearUNet'),
    (dict(sampler='heun'), "'heun'.*ddpm.*ddim.*one_step"),
    (dict(start='middle'), "unknown start 'middle'; allowed: 'noised', 'noise'"),
    (dict(generated_grad='some'), 'allowed: .*straight_through'),
    (dict(fine='all'), "unknown fine 'all'"),
    (dict(coarse='all'), "unknown coarse 'all'"),
    (dict(text_dropout=1.0), r'text_dropout must be in \[0, 1\), got 1.0'),
    (dict(guidance_scale=2.0), 'needs a denoiser trained with and without text'),
])
def test_refuses_what_it_does_not_know(settings, message):
    with pytest.raises(ValueError, match=message):
        make_neck(**settings)


def test_wrong_width_names_both_numbers():
    with pytest.raises(ValueError, match='in_channels=16, but the backbone gives 8'):
        make_neck()(torch.randn(2, 8), torch.tensor([0, 1]))
