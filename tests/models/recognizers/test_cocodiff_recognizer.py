import copy

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.analysis import get_model_complexity_info

BACKBONE = dict(type='CTRGCN', base_channels=8, num_stages=4, inflate_stages=[3], down_stages=[3],
                graph_cfg=dict(layout='nturgb+d', mode='spatial'))
NECK = dict(type='LatentDiffusionNeck', in_channels=16, text_bank='synthetic', num_timesteps=5)


def build(plain=False, **neck):
    torch.manual_seed(0)
    head = dict(type='GCNHead' if plain else 'CoCoDiffHead', num_classes=17, in_channels=16)
    model = dict(type='RecognizerGCN' if plain else 'CoCoDiffRecognizer',
                 backbone=copy.deepcopy(BACKBONE), cls_head=head)
    if not plain:
        model['neck'] = dict(NECK, **neck)
    model = MODELS.build(model)
    model.init_weights()
    return model


@pytest.fixture
def batch():
    torch.manual_seed(1)
    inputs = torch.randn(6, 1, 2, 16, 25, 3)
    return inputs, [ActionDataSample().set_gt_label(i % 3) for i in range(6)]


def test_every_loss_is_there_by_name_and_reaches_everything(batch):
    model = build(text_dropout=0.5)
    for p in model.neck.parameters():  # the denoiser's last layer starts at zero
        if not p.any():
            torch.nn.init.normal_(p, std=0.05)
    losses = model.loss(*batch)
    assert {'loss_cls', 'loss_rec', 'loss_con', 'ce_real', 'ce_generated'} <= set(losses)
    total, log = model.parse_losses(losses)
    torch.testing.assert_close(
        total, losses['loss_cls'] + losses['loss_rec'] + losses['loss_con'])
    total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert model.neck.denoiser.conditioning is not None
    assert all(p.grad.any() for p in model.neck.parameters())


def test_without_guidance_and_with_detached_generation_the_backbone_s_gradient_is_plain(batch):
    grads = []
    for plain in (True, False):
        model = build(plain, generated_grad='none', loss_text=None).double() if not plain \
            else build(plain).double()
        if plain:
            weights = model.state_dict()
        else:
            model.load_state_dict(weights, strict=False)
        inputs = batch[0].double()
        model.parse_losses(model.loss(inputs, batch[1]))[0].backward()
        grads.append({name: p.grad for name, p in model.backbone.named_parameters()})
    assert grads[0].keys() == grads[1].keys()
    for name in grads[0]:
        torch.testing.assert_close(grads[1][name], grads[0][name], rtol=1e-9, atol=1e-12)


def test_tested_network_is_the_plain_one(batch):
    model, plain = build().eval(), build(plain=True).eval()
    state = {k: v for k, v in model.state_dict().items() if not k.startswith('neck.')}
    plain.load_state_dict(state)  # strict
    assert len(state) < len(model.state_dict())
    inputs = torch.randn(3, 2, 2, 16, 25, 3)
    samples = [[ActionDataSample().set_gt_label(0) for _ in range(3)] for _ in range(2)]
    with torch.no_grad():
        scores = [torch.stack([s.pred_score for s in m.predict(inputs, d)])
                  for m, d in zip((model, plain), samples, strict=True)]
    assert torch.equal(*scores)


def test_parameters_and_flops_at_test_equal_the_plain_recipe_s():
    from mmengine.config import Config

    from cocodiff_mm.utils.recipe import plain_recipe
    cfg = Config(dict(model=dict(
        type='CoCoDiffRecognizer', backbone=BACKBONE, neck=NECK,
        cls_head=dict(type='CoCoDiffHead', num_classes=17, in_channels=16))))
    figures = []
    for model in (MODELS.build(plain_recipe(cfg).model), build(plain=True)):
        model.eval()
        model.forward = lambda x, model=model: model.cls_head(model.extract_feat(x)[0])
        info = get_model_complexity_info(
            model, inputs=(torch.randn(1, 1, 2, 16, 25, 3),), show_table=False, show_arch=False)
        figures.append((info['params'], info['flops']))
    assert figures[0] == figures[1] and min(figures[0]) > 0


def test_neck_is_never_called_outside_training(batch):
    model = build().eval()
    model.neck.forward = None  # calling it would fail
    with torch.no_grad():
        assert len(model(*batch, mode='predict')) == 6
        assert model(batch[0], mode='tensor').shape[0] == 6


def test_training_without_a_neck_is_refused(batch):
    model = MODELS.build(dict(
        type='CoCoDiffRecognizer', backbone=BACKBONE,
        cls_head=dict(type='CoCoDiffHead', num_classes=17, in_channels=16)))
    with pytest.raises(ValueError, match='without a neck and cannot train'):
        model.loss(*batch)


def test_plain_head_is_refused():
    with pytest.raises(ValueError, match='needs a CoCoDiffHead, got GCNHead'):
        MODELS.build(dict(type='CoCoDiffRecognizer', backbone=BACKBONE,
                          cls_head=dict(type='GCNHead', num_classes=17, in_channels=16)))


def test_several_clips_per_training_sample_are_refused(batch):
    with pytest.raises(ValueError, match='12 clips for 6 samples'):
        build().loss(batch[0].repeat(1, 2, 1, 1, 1, 1), batch[1])


def test_nan_stops_with_the_name_of_the_term(batch):
    model = build()
    with torch.no_grad():
        model.cls_head.fc.weight.fill_(float('nan'))
    with pytest.raises(FloatingPointError, match=r'loss_cls=nan.*last checkpoint is kept'):
        model.loss(*batch)
