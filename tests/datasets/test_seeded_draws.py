import copy
import pickle
import random
from functools import partial
from itertools import chain

import numpy as np
import pytest
import torch
from mmengine.dataset import worker_init_fn
from small_store import small_store
from torch.utils.data import DataLoader

from cocodiff_mm.datasets.skeleton_store_dataset import SkeletonStoreDataset
from cocodiff_mm.datasets.synthetic import SyntheticSkeletonDataset


def draw(info):
    """A pipeline that tells what was drawn, by NumPy and by Python."""
    return dict(inputs=torch.tensor([np.random.random(), random.random()], dtype=torch.float64))


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return str(small_store(tmp_path_factory.mktemp('data') / 'store'))


def loader(dataset, rank=0, persistent=False, workers=2):
    return DataLoader(
        dataset, num_workers=workers, persistent_workers=persistent, collate_fn=list,
        worker_init_fn=partial(worker_init_fn, num_workers=workers, rank=rank, seed=0))


def served(batches):
    return [tuple(sample['inputs'].tolist()) for (sample, ) in batches]


def test_ranks_and_data_sets_and_parts_differ(path, tmp_path):
    draws = []
    for file, rank, part in ((path, 0, 0), (path, 1, 0), (path, 0, 1),
                             (str(small_store(tmp_path / 'another')), 0, 0)):
        dataset = SkeletonStoreDataset(file, [draw])
        dataset.seed_draws(seed=0, step=0, rank=rank, part=part)
        draws += served(loader(dataset, rank))
    assert len(set(draws)) == 4 * 8


def test_the_folder_of_a_store_does_not_matter(path, tmp_path):
    draws = []
    for file in (path, str(small_store(tmp_path / 'store'))):
        dataset = SkeletonStoreDataset(file, [draw])
        dataset.seed_draws(seed=0, step=0, rank=0)
        draws.append(served(loader(dataset)))
    assert draws[0] == draws[1]


@pytest.mark.parametrize('persistent', [False, True])
def test_untold_the_first_epoch_is_mmengines_and_none_repeats_it(path, persistent):
    """As in a loop by iterations, which starts its workers before any hook."""
    drawn = []
    for _ in range(2):
        batches = loader(SkeletonStoreDataset(path, [draw]), persistent=persistent)
        drawn.append([served(batches) for _ in range(3)])
    assert drawn[0] == drawn[1]
    assert len(set(chain(*drawn[0]))) == 3 * 8
    for worker in (0, 1):
        np.random.seed(worker)
        assert drawn[0][0][worker][0] == np.random.random()


def test_testing_is_left_alone(path):
    dataset = SkeletonStoreDataset(path, [draw], test_mode=True)
    dataset.seed_draws(seed=0, step=0, rank=0)
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    assert dataset[0]['inputs'][0].item() == expected


def test_the_main_process_draws_on_between_epochs(path):
    dataset = SkeletonStoreDataset(path, [draw])
    dataset.seed_draws(seed=0, step=5, rank=0)
    first, second = dataset[0]['inputs'], dataset[0]['inputs']
    assert not first.equal(second)
    dataset.seed_draws(seed=0, step=6, rank=0)
    assert not dataset[0]['inputs'].equal(first)
    dataset.seed_draws(seed=0, step=5, rank=0)
    assert dataset[0]['inputs'].equal(first) and dataset[0]['inputs'].equal(second)


@pytest.mark.parametrize('copied', [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data)),
                                    lambda data: data.get_subset(8)])
def test_a_copied_dataset_tells_its_own_living_workers(path, copied):
    dataset = SkeletonStoreDataset(path, [draw])
    other = copied(dataset)
    batches = loader(other, persistent=True)
    other.seed_draws(seed=0, step=0, rank=0)
    first = served(batches)
    dataset.seed_draws(seed=9, step=9, rank=9)
    other.seed_draws(seed=0, step=4, rank=0)
    second = served(batches)
    assert len(set(first + second)) == 16
    expected = SkeletonStoreDataset(path, [draw])
    expected.seed_draws(seed=0, step=4, rank=0)
    assert served(loader(expected)) == second


def test_the_synthetic_set_follows(tmp_path):
    dataset = SyntheticSkeletonDataset([draw], 'xsub_train', num_subjects=4)
    dataset = dataset.get_subset(4)
    draws = []
    for step in (0, 2, 0):
        dataset.seed_draws(seed=0, step=step, rank=0)
        draws.append(served(loader(dataset)))
    assert draws[0] == draws[2] and not set(draws[0]) & set(draws[1])
