import copy
import pickle

import mmaction
import numpy as np
import pytest
import torch
from mmaction.datasets import PoseDataset
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.runner import Runner
from small_store import CLASSES, small_clips, small_info, small_splits, small_store
from torch.utils.data import DataLoader, Subset

from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.skeleton_store_dataset import SkeletonStoreDataset
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_writer import StoreWriter


@pytest.fixture
def path(tmp_path):
    return str(small_store(tmp_path / 'store', scores=True))


def pose_pickle(path):
    """The same clips as MMAction2 wants them."""
    annotations = []
    for clip in small_clips(scores=True):
        annotation = dict(
            frame_dir=clip.name, label=clip.label, total_frames=clip.keypoint.shape[1],
            keypoint=clip.keypoint.astype(np.float32),
            keypoint_score=clip.score.astype(np.float32))
        if clip.img_shape:
            annotation.update(img_shape=clip.img_shape, original_shape=clip.img_shape)
        annotations.append(annotation)
    path.write_bytes(pickle.dumps(dict(split=small_splits(), annotations=annotations)))
    return str(path)


def names(dataset):
    return [dataset.get_data_info(i)['frame_dir'] for i in range(len(dataset))]


@pytest.mark.parametrize('split', ['even', 'all', None])
def test_serves_what_pose_dataset_serves(path, tmp_path, split):
    ours = SkeletonStoreDataset(path, [], split)
    file = pose_pickle(tmp_path / 'a.pkl')
    theirs = PoseDataset(file, [], split or 'all')
    assert len(ours) == len(theirs)
    for i in range(-1, len(theirs)):
        mine, other = ours[i], theirs[i]
        for key, value in other.items():
            np.testing.assert_array_equal(mine[key], value)
            assert type(mine[key]) is type(value), key
        assert mine['keypoint'].dtype == mine['keypoint_score'].dtype == np.float32
        assert mine.keys() - other.keys() == {'test_mode', 'pre_normalized'}


@pytest.mark.parametrize('recipe', [
    'stgcn/stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py',
    'stgcn/stgcn_8xb16-bone-motion-u100-80e_ntu60-xsub-keypoint-2d.py'])
def test_a_stock_recipe_changes_type_and_file_only(tmp_path, recipe):
    cfg = Config.fromfile(f'{mmaction.__path__[0]}/.mim/configs/skeleton/{recipe}')
    flat = '2d' in recipe
    rng, annotations = np.random.default_rng(0), []
    info = small_info(layout='coco' if flat else 'nturgb+d', scores=flat,
                      coordinates=('x', 'y', 'z')[:2 if flat else 3])
    shape = (2, 120, 17 if flat else 25)
    with StoreWriter(tmp_path / 'store', info) as writer:
        for i in range(4):
            joints = rng.uniform(1, 200, (*shape, 2 if flat else 3)).astype(np.float32)
            scores = rng.random(shape, np.float32) if flat else None
            size = (240, 320) if flat else None
            writer.add(Clip(f'clip{i}', joints, i, score=scores, img_shape=size))
            annotations.append(dict(frame_dir=f'clip{i}', label=i, total_frames=120,
                                    keypoint=joints))
            if flat:
                annotations[-1].update(keypoint_score=scores, img_shape=size, original_shape=size)
        split = dict(xsub_train=['clip0', 'clip2'], xsub_val=['clip1'])
        writer.finish(split)
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(dict(split=split, annotations=annotations)))
    for part in ('train', 'val', 'test'):
        dataset = cfg[f'{part}_dataloader'].dataset
        inner = dataset.dataset if part == 'train' else dataset
        inner.ann_file = str(tmp_path / 'a.pkl')
        theirs = DATASETS.build(copy.deepcopy(dataset))
        inner.type, inner.ann_file = 'SkeletonStoreDataset', str(tmp_path / 'store')
        ours = DATASETS.build(dataset)
        assert len(ours) == len(theirs) == (10 if part == 'train' else 1)
        for i in range(len(theirs)):  # RepeatDataset: what is changed in place must not stay so
            drawn = []
            for served in (ours, theirs):
                np.random.seed(i)
                drawn.append(served[i])
            assert drawn[0]['inputs'].equal(drawn[1]['inputs'])
            assert drawn[0]['data_samples'].gt_label == drawn[1]['data_samples'].gt_label


def test_half_precision_is_served_in_single(tmp_path):
    dataset = SkeletonStoreDataset(
        str(small_store(tmp_path / 'store', dtype='float16', scores=True)), [], 'all')
    for i, clip in enumerate(small_clips(scores=True)):
        info = dataset[i]
        for got, put in ((info['keypoint'], clip.keypoint), (info['keypoint_score'], clip.score)):
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, put.astype(np.float16))


def test_a_sample_is_a_copy(path):
    dataset = SkeletonStoreDataset(path, [])
    before = dataset[0]['keypoint'].copy()
    dataset[0]['keypoint'][:] = 7
    np.testing.assert_array_equal(dataset[0]['keypoint'], before)


def test_classes_by_name_or_label_keep_their_labels(path):
    dataset = SkeletonStoreDataset(path, [], classes=['sit', 0])
    assert names(dataset) == ['clip0', 'clip3', 'clip4', 'clip7']
    assert [dataset[i]['label'] for i in range(4)] == [0, 3, 0, 3]
    assert dataset.metainfo['classes'] == list(CLASSES)


def test_remapped_classes_are_a_set_of_their_own(path):
    dataset = SkeletonStoreDataset(path, [], classes=['sit', 0], remap_labels=True, num_classes=2)
    assert [dataset[i]['label'] for i in range(4)] == [1, 0, 1, 0]
    assert [dataset.get_cat_ids(i) for i in range(4)] == [[1], [0], [1], [0]]
    assert dataset.metainfo['classes'] == ['sit', 'wave']


def test_parts_of_a_zero_shot_protocol_do_not_overlap(path):
    seen, unseen = (SkeletonStoreDataset(path, [], classes=classes)
                    for classes in (CLASSES[:3], CLASSES[3:]))
    assert sorted(names(seen) + names(unseen)) == sorted(names(SkeletonStoreDataset(path, [])))
    assert seen.metainfo == unseen.metainfo


def test_valid_ratio_as_in_pose_dataset(tmp_path):
    with StoreWriter(tmp_path / 'store', small_info()) as writer:
        for i in range(5):
            writer.add(Clip(f'clip{i}', np.ones((1, 4, 5, 3)), 0, valid=i))
        writer.finish({})
    for ratio, left in ((None, [0, 1, 2, 3, 4]), (0., [0, 1, 2, 3, 4]), (0.5, [2, 3, 4]),
                        (0.6, [3, 4]), (1., [4])):
        dataset = SkeletonStoreDataset(str(tmp_path / 'store'), [], valid_ratio=ratio)
        assert names(dataset) == [f'clip{i}' for i in left]


def test_indices_and_subsets(path):
    every = [f'clip{i}' for i in range(8)]
    for indices in (3, -3, [5, 0, -1], 0):
        picked = every[:indices] if indices in (3, 0) else every[indices:] if indices == -3 \
            else ['clip5', 'clip0', 'clip7']
        if picked:
            assert names(SkeletonStoreDataset(path, [], indices=indices)) == picked
        dataset = SkeletonStoreDataset(path, [])
        assert names(dataset.get_subset(indices)) == picked
        assert len(dataset) == 8
        dataset.get_subset_(indices)
        assert names(dataset) == picked
    assert Subset(SkeletonStoreDataset(path, []), [6, 2])[0]['frame_dir'] == 'clip6'
    with pytest.raises(IndexError):
        SkeletonStoreDataset(path, [])[8]


def test_wrappers(path):
    build = dict(type='SkeletonStoreDataset', ann_file=path, pipeline=[], split='all')
    repeated = RepeatDataset(build, times=3)
    assert len(repeated) == 24 and repeated[17]['frame_dir'] == 'clip1'
    joined = ConcatDataset([dict(build, split='even'), build])
    assert len(joined) == 12 and joined[4]['frame_dir'] == 'clip0'
    assert joined.metainfo['classes'] == list(CLASSES)
    rare = dict(build, indices=[0, 4, 1, 2, 3, 7, 6])  # labels 0 0 1 2 3 3 2
    balanced = ClassBalancedDataset(rare, oversample_thr=0.28)
    assert len(balanced) == 8  # the only clip of class 1 comes twice
    assert [balanced.get_cat_ids(i)[0] for i in range(8)] == [0, 0, 1, 1, 2, 3, 3, 2]


def test_lazy(path):
    dataset = SkeletonStoreDataset(path, [], 'even', lazy_init=True)
    assert dataset.metainfo['classes'] == list(CLASSES)
    assert len(dataset.data_list) == 0
    assert dataset[1]['frame_dir'] == 'clip3' and len(dataset) == 4


@pytest.mark.parametrize('context, workers, persistent', [
    ('fork', 2, True), ('fork', 2, False), ('spawn', 1, True)])
def test_workers(path, context, workers, persistent):
    dataset = SkeletonStoreDataset(path, [dict(type='FormatGCNInput')], 'all')
    loader = DataLoader(dataset, num_workers=workers, persistent_workers=persistent,
                        collate_fn=list, multiprocessing_context=context)
    for _ in range(2):
        samples = [sample for (sample, ) in loader]
        assert [sample['frame_dir'] for sample in samples] == [f'clip{i}' for i in range(8)]
        for i, sample in enumerate(samples):
            np.testing.assert_array_equal(sample['keypoint'], dataset[i]['keypoint'])


def test_no_clip_is_an_object_in_memory(path):
    dataset = SkeletonStoreDataset(path, [], 'all')
    few = len(pickle.dumps(dataset.get_subset(1)))
    assert len(pickle.dumps(dataset)) - few == 7 * 8  # an index each


def test_memory_is_given_back(path, monkeypatch):
    dataset = SkeletonStoreDataset(path, [], 'all')
    released = []
    monkeypatch.setattr(SkeletonStore, 'release', lambda store: released.append(store))
    size = dataset.store.keypoint(7).nbytes + dataset.store.score(7).nbytes
    for _ in range(3 * (8 << 20) // size + 3):
        dataset.get_data_info(7)
    assert released == [dataset.store] * 3


def test_a_store_says_whether_it_is_pre_normalized(tmp_path, path):
    assert SkeletonStoreDataset(path, [])[0]['pre_normalized'] is False
    done = small_store(tmp_path / 'done', options=dict(pre_normalized=True))
    assert SkeletonStoreDataset(str(done), [])[0]['pre_normalized'] is True


def test_what_is_passed_on(path, tmp_path):
    dataset = SkeletonStoreDataset(
        'store', [], start_index=1, modality='Skeleton', test_mode=True, data_root=str(tmp_path),
        data_prefix=dict(video='videos'), metainfo=dict(place='here'))
    sample = dataset[0]
    assert (sample['start_index'], sample['modality'], sample['test_mode']) == (
        1, 'Skeleton', True)
    assert sample['frame_dir'] == f'{tmp_path}/videos/clip0'
    assert dataset.metainfo['place'] == 'here'


def test_a_pipeline_that_gives_none_gets_another_clip(path):
    def choosy(info):
        return info if info['frame_dir'] == 'clip5' else None
    assert SkeletonStoreDataset(path, [choosy])[0]['frame_dir'] == 'clip5'


def test_trains_from_a_dataloader_config(path):
    loader = Runner.build_dataloader(dict(
        batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='SkeletonStoreDataset', ann_file=path, split='all', pipeline=[
            dict(type='UniformSampleFrames', clip_len=6), dict(type='PoseDecode'),
            dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs')])), seed=0)
    labels = []
    for batch in loader:
        assert torch.stack(batch['inputs']).shape == (4, 1, 2, 6, 5, 4)  # scores join the joints
        labels += [sample.gt_label.item() for sample in batch['data_samples']]
    assert sorted(labels) == [0, 0, 1, 1, 2, 2, 3, 3]
