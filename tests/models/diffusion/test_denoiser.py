"""Behaviour common to all denoisers."""
import copy

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS

from cocodiff_mm.models.diffusion import Denoiser, NoiseSchedule, Sampler, build_denoiser

TEXT = 24
SMALL = {
    'LinearUNet': dict(channels=(64, 32), cond_channels=32),
    'ConvUNet1D': dict(base_channels=16, channel_mults=(1, 2), cond_channels=32),
}
every_denoiser = pytest.mark.parametrize('name', SMALL)


def make(name, dim=16, seed=0, trained=True, **arguments):
    """A small denoiser; a trained one predicts something, a new one 0."""
    torch.manual_seed(seed)
    model = build_denoiser(dict(type=name, **SMALL[name], **arguments), dim, TEXT)
    if trained:
        with torch.no_grad():
            for parameter in (*model.head.parameters(), model.conditioning.modulation.weight):
                parameter.normal_(0, 0.2)
    return model


def inputs(dim=16, batch=6, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, dim, generator=generator)
    text = F.normalize(torch.randn(batch, TEXT, generator=generator), dim=-1)
    return x, torch.arange(batch) * 4, text


def test_every_registered_denoiser_is_tested():
    classes = [cls for cls in MODELS.module_dict.values() if isinstance(cls, type)]
    names = {cls.__name__ for cls in classes if issubclass(cls, Denoiser)}
    assert names == set(SMALL)


@every_denoiser
@pytest.mark.parametrize('dim', [256, 64, 100, 33])
def test_prediction_has_the_shape_of_the_features_and_starts_at_zero(name, dim):
    x, timesteps, text = inputs(dim)
    eps = make(name, dim, trained=False)(x, timesteps, text)
    assert eps.shape == (6, dim) and eps.dtype == torch.float32
    assert eps.abs().max() == 0
    assert make(name, dim)(x, timesteps, text).abs().min() > 0


@every_denoiser
def test_gradients_reach_every_parameter(name):
    model, (x, timesteps, text) = make(name), inputs()
    drop = torch.tensor([True, False] * 3)
    model(x, timesteps, text, drop).square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key


@every_denoiser
def test_no_parameter_is_without_gradient_when_no_text_is_dropped(name):
    model, (x, timesteps, text) = make(name), inputs()
    model(x, timesteps, text).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert model.conditioning.null_text.grad.abs().max() == 0


@every_denoiser
def test_prediction_depends_on_timestep_and_text(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    eps = model(x, timesteps, text)
    assert ((model(x, timesteps + 1, text) - eps).abs().amax(1) > 1e-3).all()
    assert ((model(x, timesteps, text.roll(1, 0)) - eps).abs().amax(1) > 1e-3).all()


@every_denoiser
def test_dropped_text_has_no_influence_and_stands_for_the_null_text(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    drop = torch.tensor([True, False, True, False, True, False])
    kept = model(x, timesteps, text)
    eps = model(x, timesteps, text, drop)
    other = model(x, timesteps, text.roll(1, 0), drop)
    null = model(x, timesteps, model.conditioning.null_text.detach().expand(6, -1))
    torch.testing.assert_close(eps[drop], other[drop], rtol=0, atol=0)
    torch.testing.assert_close(eps[drop], null[drop], rtol=0, atol=0)
    torch.testing.assert_close(eps[~drop], kept[~drop], rtol=0, atol=0)
    assert (eps[drop] - kept[drop]).abs().max() > 1e-3


@every_denoiser
def test_embedding_and_denoising_make_up_the_forward(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    drop = torch.tensor([True, False] * 3)
    expected = model(x, timesteps, text, drop)
    cond = model.embed(timesteps, text, drop)
    torch.testing.assert_close(model.denoise(x, cond), expected, rtol=0, atol=0)
    bound = model.bind(text, 30, drop)
    torch.testing.assert_close(bound(x, timesteps), expected, rtol=1e-5, atol=1e-5)


@every_denoiser
def test_every_part_of_the_conditioning_acts(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    cond = model.embed(timesteps, text)
    eps, start = model.denoise(x, cond), 0
    for width in model.sections:
        changed = cond.clone()
        changed[:, start:start + width] += torch.linspace(-1, 1, width)
        assert (model.denoise(x, changed) - eps).abs().max() > 1e-3, start
        start += width
    assert start == cond.shape[1]


@every_denoiser
def test_a_bound_walk_is_the_plain_walk_with_its_gradients(name):
    model, (x, _, text) = make(name).double().eval(), inputs()
    x, text = x.double(), text.double()
    schedule = NoiseSchedule(5).double()
    results = []
    for eps_fn in (model.bind(text, 5), lambda x, t: model(x, t, text)):
        model.zero_grad()
        out = Sampler('ddpm').sample(eps_fn, x, schedule, torch.zeros)
        out.square().sum().backward()
        results.append([out, *(p.grad.clone() for p in model.parameters())])
    torch.testing.assert_close(results[0], results[1], rtol=1e-9, atol=1e-9)


@every_denoiser
def test_samples_do_not_mix(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    together = model(x, timesteps, text)
    alone = torch.cat([model(x[i:i + 1], timesteps[i:i + 1], text[i:i + 1]) for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@every_denoiser
def test_same_seed_gives_the_same_bits(name):
    results = []
    for _ in range(2):
        model, (x, timesteps, text) = make(name, dropout=0.1), inputs()
        torch.manual_seed(3)
        loss = model(x, timesteps, text).square().mean()
        loss.backward()
        results.append([loss, *(p.grad for p in model.parameters())])
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)


@every_denoiser
def test_dropout_acts_in_training_only(name):
    model, (x, timesteps, text) = make(name, dropout=0.5), inputs()
    assert (model(x, timesteps, text) - model(x, timesteps, text)).abs().max() > 1e-3
    model.eval()
    torch.testing.assert_close(
        model(x, timesteps, text), model(x, timesteps, text), rtol=0, atol=0)


@every_denoiser
def test_bfloat16_autocast_stays_close(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    exact = model(x, timesteps, text)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        eps = model(x, timesteps, text)
        bound = model.bind(text, 30)(x, timesteps)
    assert eps.dtype == bound.dtype == torch.float32
    assert 0 < (eps - exact).norm() / exact.norm() < 0.02
    assert (bound - exact).norm() / exact.norm() < 0.02


@every_denoiser
def test_weights_survive_the_checkpoint(name):
    model, (x, timesteps, text) = make(name).eval(), inputs()
    other = make(name, seed=7).eval()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    torch.testing.assert_close(
        other(x, timesteps, text), model(x, timesteps, text), rtol=0, atol=0)


@every_denoiser
def test_wrong_widths_are_refused(name):
    model, (x, timesteps, text) = make(name), inputs()
    with pytest.raises(ValueError, match=r'\(6, 15\), expected \(B, in_channels=16\)'):
        model(x[:, 1:], timesteps, text)
    with pytest.raises(ValueError, match=r'\(6, 25\), expected \(B, text_channels=24\)'):
        model(x, timesteps, F.pad(text, (0, 1)))


def mixture(count, means, spread, schedule, generator):
    """Features of two classes, noised; all that a denoiser is trained on."""
    labels = torch.randint(0, 2, (count, ), generator=generator)
    x0 = means[labels] + spread * torch.randn(count, means.shape[1], generator=generator)
    timesteps = torch.randint(0, schedule.num_timesteps, (count, ), generator=generator)
    noise = torch.randn(x0.shape, generator=generator)
    return labels, timesteps, noise, schedule.add_noise(x0, noise, timesteps)


def optimal_losses(means, spread, schedule, labels, timesteps, noise, x_t):
    """Losses of the optimal predictions without and with knowledge of the class."""
    abar = schedule.alpha_bar[timesteps][:, None]
    variance = abar * spread**2 + 1 - abar
    distances = (x_t[:, None] - abar[..., None].sqrt() * means).square().sum(-1)
    weights = (-distances / (2 * variance)).softmax(1)

    def loss(mean):
        eps = (1 - abar).sqrt() / variance * (x_t - abar.sqrt() * mean)
        return F.mse_loss(eps, noise).item()

    return loss(weights @ means), loss(means[labels])


@every_denoiser
def test_training_beats_the_best_unconditional_denoiser_and_samples_the_class(name):
    generator = torch.Generator().manual_seed(0)
    schedule, spread = NoiseSchedule(30, 'cosine'), 0.2
    means = torch.where(torch.rand(16, generator=generator) < 0.5, 0.25, -0.25)
    means = torch.stack([means, -means])
    text = inputs()[2][:2]
    model = make(name, trained=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    steps = 250
    for step in range(steps):
        optimizer.param_groups[0]['lr'] = 3e-3 * (1 - step / steps)
        labels, timesteps, noise, x_t = mixture(128, means, spread, schedule, generator)
        optimizer.zero_grad()
        F.mse_loss(model(x_t, timesteps, text[labels]), noise).backward()
        optimizer.step()
    model.eval()
    labels, timesteps, noise, x_t = data = mixture(6000, means, spread, schedule, generator)
    unconditional, conditional = optimal_losses(means, spread, schedule, *data)
    with torch.no_grad():
        loss = F.mse_loss(model(x_t, timesteps, text[labels]), noise).item()
        swapped = F.mse_loss(model(x_t, timesteps, text[1 - labels]), noise).item()
        start = torch.randn(1000, 16, generator=generator)
        labels = labels[:1000]
        sample = Sampler('ddpm').sample(
            model.bind(text[labels], 30), start, schedule,
            lambda shape: torch.randn(shape, generator=generator))
    assert conditional < unconditional * 0.94
    assert conditional < loss < (conditional + unconditional) / 2
    assert swapped > unconditional * 1.1
    nearest = torch.cdist(sample, means).argmin(1)
    assert (nearest == labels).float().mean() > 0.99
    for label in range(2):
        chosen = sample[labels == label]
        assert (chosen.mean(0) - means[label]).abs().max() < 0.08
        assert 0.6 * spread < chosen.std(0).mean() < 1.1 * spread
