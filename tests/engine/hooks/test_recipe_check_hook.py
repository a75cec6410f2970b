import pytest
import torch
from mmengine.runner import Runner
from tiny_recipe import tiny_recipe

from cocodiff_mm.utils.checkpoint import load_checkpoint


def run(cfg, **settings):
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='RecipeCheckHook')]
    for key, value in settings.items():
        cfg[key] = value
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.mark.parametrize('guest, options, message', [
    (False, {'model.cls_head.num_classes': 60}, r'data: 17 .*; head: 60 \(model.cls_head'),
    (False, {'model.cls_head.num_classes': 10}, 'data: 17 .*; head: 10'),
    (False, {'model.cls_head.in_channels': 8}, 'cls_head.in_channels=8, but the backbone gives 16'),
    (True, {'model.neck.in_channels': 32}, 'neck.in_channels=32, but the backbone gives 16'),
    (True, {'model.neck.text_bank': 'ntu120'}, 'text bank: 120'),
])
def test_what_does_not_agree_stops_before_the_first_step(guest, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(tiny_recipe(tmp_path, guest, **options))
    assert not list(tmp_path.glob('pretrain-*')) and not list(tmp_path.glob('*.pth'))


def test_a_recipe_that_lost_its_two_stages_is_refused(tmp_path):
    with pytest.raises(ValueError, match='without the hook TwoStageRunner'):
        run(tiny_recipe(tmp_path), custom_hooks=[dict(type='RecipeCheckHook')])


def test_a_neck_that_a_plain_recognizer_would_ignore_is_refused(tmp_path):
    cfg = tiny_recipe(tmp_path)
    cfg.model.type, cfg.model.cls_head.type = 'RecognizerGCN', 'GCNHead'
    with pytest.raises(ValueError, match='RecognizerGCN ignores its neck LatentDiffusionNeck'):
        run(cfg)


def test_nan_in_a_plain_run_names_the_term_and_keeps_the_good_checkpoint(tmp_path):
    cfg = tiny_recipe(tmp_path, guest=False, **{'train_cfg.max_epochs': 1})
    run(cfg)
    good = (tmp_path / 'epoch_1.pth').read_bytes()
    cfg = tiny_recipe(tmp_path, guest=False, **{'optim_wrapper.optimizer.lr': 1e38})
    with pytest.raises(FloatingPointError, match='loss_cls=nan|is not finite after epoch 1'):
        run(cfg, load_from=str(tmp_path / 'epoch_1.pth'), param_scheduler=None)
    assert (tmp_path / 'epoch_1.pth').read_bytes() == good
    assert (tmp_path / 'last_checkpoint').read_text().endswith('epoch_1.pth')


@pytest.fixture(scope='module')
def narrow(tmp_path_factory):
    """A checkpoint of a narrower network."""
    folder = tmp_path_factory.mktemp('narrow')
    run(tiny_recipe(folder, guest=False, **{
        'model.backbone.base_channels': 4, 'model.cls_head.in_channels': 8,
        'train_cfg.max_epochs': 1}))
    return str(folder / 'epoch_1.pth')


@pytest.mark.parametrize('resume', [False, True])
def test_weights_of_another_network_are_counted_and_named(narrow, resume, tmp_path):
    with pytest.raises(ValueError, match=r'of another shape \(.*expected.* weights of CTRGCN of '
                                         r'this package \(17 classes, 25 joints\)'):
        run(tiny_recipe(tmp_path, guest=False), load_from=narrow, resume=resume)


@pytest.mark.parametrize('key, advice', [
    ('PA', r'CTRGCN of this package \(60 classes, 25 joints\); take the recipe .*, as '
           r'configs/ctrgcn\.py with --cfg-options data=ntu60'),
    ('A', r'CTRGCN of MMAction2 \(60 classes, 25 joints\); make them fit with python '
          r'tools/convert_checkpoint\.py \S+mine\.pth --from mmaction2'),
])
def test_weights_to_start_from_that_do_not_fit_come_with_what_to_do(narrow, tmp_path, key, advice):
    state = load_checkpoint(narrow)['state_dict']
    state[f'backbone.net.0.gcn1.{key}'] = state.pop('backbone.net.0.gcn1.PA')
    state['cls_head.fc.weight'] = torch.zeros(60, 8)
    torch.save(dict(state_dict=state), tmp_path / 'mine.pth')
    with pytest.raises(ValueError, match=advice):
        run(tiny_recipe(tmp_path, guest=False), load_from=str(tmp_path / 'mine.pth'))


def test_another_classifier_is_fine_for_fine_tuning_only(narrow, tmp_path):
    options = {'model.backbone.base_channels': 4, 'model.cls_head.in_channels': 8,
               'train_cfg.max_epochs': 1}
    state = load_checkpoint(narrow)['state_dict']
    state['cls_head.fc.weight'] = torch.zeros(5, 8)
    torch.save(dict(state_dict=state), tmp_path / 'other.pth')
    run(tiny_recipe(tmp_path, guest=False, **options), load_from=str(tmp_path / 'other.pth'))
    with pytest.raises(ValueError, match='expected a checkpoint of a run with state_dict, meta'):
        run(tiny_recipe(tmp_path, guest=False, **options), resume=True,
            load_from=str(tmp_path / 'other.pth'))
