"""Every data set's base, in both samplings, on clips of its skeleton."""

import ast

import pytest
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from recipe_store import recipe_store
from tiny_recipe import ROOT

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.graph import num_joints

# folder of the store, persons, channels the network sees, frames by sampling, batch size
DATASETS = dict(
    ntu60=('ntu60', 2, 3, (64, 100), 64),
    ntu120=('ntu120', 2, 3, (64, 100), 64),
    kinetics=('kinetics', 2, 3, (64, 100), 128),
    nwucla=('nwucla', 1, 3, (52, 100), 16),
    sbu=('sbu', 2, 3, (64, 100), 16),
    utd_mhad=('utd_mhad', 1, 3, (64, 100), 16),
)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    def build(name, **variables):
        init_default_scope('mmaction')
        monkeypatch.setenv('COCODIFF_DATA_ROOT', str(tmp_path))
        path = tmp_path / 'mine.py'
        path.write_text(f"_base_ = 'cocodiff_mm::_base_/datasets/{name}.py'\n")
        return load_config(path, variables)
    return build


def batches(cfg, part):
    loader = dict(cfg[f'{part}_dataloader'], batch_size=6, num_workers=0,
                  persistent_workers=False, drop_last=False)
    return list(Runner.build_dataloader(loader, seed=0))


@pytest.mark.parametrize('sampling', ['official', 'pyskl'])
@pytest.mark.parametrize('name', DATASETS)
def test_clips_reach_the_network_in_shape(recipe, tmp_path, name, sampling):
    folder, persons, channels, frames, batch_size = DATASETS[name]
    cfg = recipe(name, sampling=sampling, stream='b')
    recipe_store(tmp_path / folder, cfg)
    assert cfg.train_dataloader.batch_size == batch_size
    assert cfg.num_classes == len(CLASSES[cfg.label_set])
    joints = num_joints(cfg.layout)
    for part, clips in (('train', 1), ('val', 1), ('test', 10 if sampling == 'pyskl' else 1)):
        batch = batches(cfg, part)[0]
        assert len(batch['inputs']) == (6 if part == 'train' else 3)
        for clip in batch['inputs']:
            assert clip.shape == (clips, persons, frames[sampling == 'pyskl'], joints, channels)
            assert clip.isfinite().all()


@pytest.mark.parametrize('name', DATASETS)
def test_training_clips_differ_from_epoch_to_epoch_and_test_clips_do_not(recipe, tmp_path, name):
    cfg = recipe(name)
    recipe_store(tmp_path / DATASETS[name][0], cfg)
    drawn = [[clip for batch in batches(cfg, part) for clip in batch['inputs']]
             for part in ('val', 'val', 'train', 'train')]
    assert all(a.equal(b) for a, b in zip(*drawn[:2], strict=True))
    # Clips shorter than the result are resized whole, and not turned in the image.
    assert not all(a.equal(b) for a, b in zip(*drawn[2:], strict=True))


def test_a_single_actor_is_given_twice_in_120_classes_only(recipe, tmp_path):
    for name, twice in (('ntu120', True), ('ntu60', False)):
        cfg = recipe(name)
        recipe_store(tmp_path / name, cfg)
        (batch, ) = batches(cfg, 'val')
        alone = batch['inputs'][0]
        assert alone[:, 0].abs().max() > 0
        assert alone[:, 1].equal(alone[:, 0] if twice else alone[:, 0] * 0)


def test_an_unknown_sampling_is_refused(recipe):
    with pytest.raises(ValueError, match="unknown sampling 'officially'; allowed: 'official', 'py"):
        recipe('ntu60', sampling='officially')


def test_every_base_has_a_test():
    bases = {path.stem for path in (ROOT / 'configs' / '_base_' / 'datasets').glob('*.py')}
    assert bases == {*DATASETS, 'synthetic'}


@pytest.mark.parametrize('name', DATASETS)
def test_changes_of_steps_name_steps_that_exist(name):
    steps = {step.type for sampling in ('official', 'pyskl') for step in load_config(
        ROOT / 'configs' / '_base_' / 'skeleton.py', dict(sampling=sampling)
        ).train_dataloader.dataset.pipeline}
    tree = ast.parse((ROOT / 'configs' / '_base_' / 'datasets' / f'{name}.py').read_text())
    changed = {key.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)
               and node.arg == 'steps' for key in node.value.keywords}
    assert changed <= steps
