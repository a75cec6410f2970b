"""What BlockGCN gets of the clips of every data set, beside what other networks get of them."""

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import Compose
from recipe_store import recipe_store
from small_store import small_store

from cocodiff_mm.engine.checks import check_skeleton
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.recipe import innermost_datasets

RECIPE = '''\
_base_ = ['cocodiff_mm::_base_/default_runtime.py', 'cocodiff_mm::_base_/backbones/{backbone}.py',
          'cocodiff_mm::_base_/datasets/{data}.py']
'''
WITH_JOINTS = '''\
from cocodiff_mm.datasets.loaders import blockgcn_loaders
train_dataloader, val_dataloader, test_dataloader = blockgcn_loaders(_base_)
'''
# Joint that the others are relative to, if they are.
CENTRES = dict(ntu60=20, ntu120=20, synthetic=20, sbu=1, utd_mhad=1, nwucla=None, kinetics=None)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setenv('COCODIFF_DATA_ROOT', str(tmp_path))

    def build(data, backbone='blockgcn', **variables):
        path = tmp_path / f'{backbone}.py'
        path.write_text(RECIPE.format(backbone=backbone, data=data)
                        + (WITH_JOINTS if backbone == 'blockgcn' else ''))
        cfg = load_config(path, variables)
        if data == 'synthetic':
            for part in ('train', 'val', 'test'):
                cfg[f'{part}_dataloader'].dataset.num_subjects = 4
        elif not (tmp_path / data).exists():
            recipe_store(tmp_path / data, cfg)
        return cfg
    return build
OWN = '''\
_base_ = 'cocodiff_mm::_base_/skeleton.py'
from cocodiff_mm.datasets.loaders import skeleton_loaders, with_joints

layout = dict(num_node=5, inward=[(i, i + 1) for i in range(4)], center=4)
train_dataloader, val_dataloader, test_dataloader = [
    with_joints(loader, 'RelativeStream') for loader in skeleton_loaders(
        _base_, 'mine', label_set=None, layout=layout, num_coords=3, splits=('all', 'even'))]
'''


def inner_dataset(cfg, part):
    ((_, dataset), ) = innermost_datasets(cfg[f'{part}_dataloader'].dataset, part)
    return dataset


def stored_clips(cfg, part):
    dataset = DATASETS.build(dict(inner_dataset(cfg, part), pipeline=[]))
    return [dataset.get_data_info(i) for i in range(min(5, len(dataset)))]


def through(cfg, part, clips, stream=None):
    """Clips as the network gets them, (clips, M, T, V, C), always with the same draws."""
    pipeline = Compose([dict(step, stream=stream) if stream and 'stream' in step else step
                        for step in inner_dataset(cfg, part).pipeline])
    made = []
    for seed, clip in enumerate(clips):
        np.random.seed(seed)
        made.append(pipeline(dict(clip))['inputs'].numpy())
    return made


def expected_stream(center, stream, plain, joints):
    """BlockGCN's stream, from CTR-GCN's of the same name and that of joints or joint motion."""
    if center is None:
        return plain
    if stream in ('b', 'bm'):
        changed = plain.copy()
        changed[..., center, :] = joints[..., center, :]
    else:
        changed = plain - plain[..., center:center + 1, :]
        changed[..., center, :] = plain[..., center, :]
    return changed


@pytest.mark.parametrize('data, sampling, stream', [
    *((data, 'official', 'bm') for data in CENTRES),
    ('ntu60', 'pyskl', 'bm'), ('nwucla', 'pyskl', 'jm'), ('kinetics', 'pyskl', 'b'),
    *(('ntu120', sampling, stream) for sampling in ('official', 'pyskl')
      for stream in ('j', 'b', 'jm')),
])
def test_the_stream_then_the_joints(recipe, data, sampling, stream):
    plain = recipe(data, 'ctrgcn', sampling=sampling)
    both = recipe(data, sampling=sampling, stream=stream)
    for part in ('train', 'val', 'test'):
        stored = stored_clips(both, part)
        seen = through(both, part, stored)
        others = (through(plain, part, stored, each)
                  for each in ('j', stream, stream.replace('b', 'j')))
        for clip, raw, alone, joints in zip(seen, *others, strict=True):
            assert clip.shape == (*raw.shape[:-1], 6) and clip.dtype == np.float32
            np.testing.assert_array_equal(clip[..., 3:], raw)
            expected = expected_stream(CENTRES[data], stream, alone, joints)
            # Motion of differences, or the difference of motions.
            np.testing.assert_allclose(clip[..., :3], expected, atol=3e-6)
        assert len(seen) >= 3 and all(clip[..., :3].any() for clip in seen[2:])


def test_nothing_but_the_step_of_the_stream_changes(recipe):
    plain, both = recipe('nwucla', 'ctrgcn', stream='b'), recipe('nwucla', stream='b')
    assert both.train_dataloader.dataset.times == 5
    for part in ('train', 'val', 'test'):
        steps = inner_dataset(plain, part).pipeline
        for i, step in enumerate(steps):
            if step.type == 'SkeletonStream':
                steps[i] = dict(type='AppendJoints', step=step)
        assert both[f'{part}_dataloader'] == plain[f'{part}_dataloader']


def test_own_recordings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_store(tmp_path / 'mine')
    (tmp_path / 'mine.py').write_text(OWN)
    cfg = load_config('mine.py', dict(stream='b'))
    assert cfg.val_dataloader.dataset.split == 'even' and cfg.train_dataloader.batch_size == 64
    for part in ('train', 'val', 'test'):
        for clip in through(cfg, part, stored_clips(cfg, part)):
            assert clip.shape == (1, 2, 64, 5, 6)
            np.testing.assert_allclose(
                clip[..., :4, :3], clip[..., :4, 3:] - clip[..., 1:, 3:], atol=1e-6)
            np.testing.assert_array_equal(clip[..., 4, :3], clip[..., 4, 3:])


def test_the_recipe_can_be_dumped_and_read_again(recipe, tmp_path):
    cfg = recipe('nwucla', stream='bm')
    cfg.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    assert again.to_dict() == cfg.to_dict()


@pytest.mark.parametrize('data', ['synthetic', 'nwucla', 'kinetics'])
def test_blockgcn_learns_from_the_stream_and_sees_the_joints(recipe, data):
    cfg = recipe(data, stream='b')
    backbone = dict(
        cfg.model.backbone, base_channels=16, num_stages=2, inflate_stages=[], down_stages=[],
        graph_cfg=dict(layout=cfg.layout, mode='spatial'), num_person=cfg.num_person)
    model = MODELS.build(dict(cfg.model, backbone=backbone,
                              cls_head=dict(type='GCNHead', num_classes=4, in_channels=16))).eval()
    sample = check_skeleton(model, DATASETS.build(inner_dataset(cfg, 'train')))
    clip = sample['inputs'].float()
    topology = []
    model.backbone.topo.register_forward_pre_hook(lambda _, inputs: topology.append(inputs[0]))
    with torch.no_grad():
        seen = model.backbone(clip)
        stretched = clip.clone()
        stretched[..., 3] *= 2
        assert not torch.allclose(model.backbone(stretched), seen)
    assert topology[0].equal(clip[..., 3:])
