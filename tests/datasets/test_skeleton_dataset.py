import pickle

import numpy as np
import pytest

from cocodiff_mm.datasets import SkeletonDataset


def write(path, **changes):
    annotations = [dict(frame_dir=f'clip{i}', label=i, total_frames=4,
                        keypoint=np.full((1, 4, 20, 3), i, np.float32)) for i in range(3)]
    data = dict(split=dict(a=['clip0', 'clip2'], b=['clip1']), annotations=annotations)
    data.update(changes)
    path.write_bytes(pickle.dumps(data))
    return str(path)


def test_serves_the_split_with_class_names(tmp_path):
    dataset = SkeletonDataset(write(tmp_path / 'a.pkl'), [], 'a', label_set='nwucla')
    assert [dataset[i]['label'] for i in range(len(dataset))] == [0, 2]
    assert dataset.metainfo['classes'][0] == 'pick up with one hand'


@pytest.mark.parametrize('settings, changes, message', [
    (dict(split='c'), {}, "no split 'c'; it has: a, b"),
    (dict(split='a', label_set='cifar'), {}, "unknown label_set 'cifar'; allowed: .*'nwucla'"),
    (dict(split='a'), dict(split=None), 'split'),
])
def test_refuses(tmp_path, settings, changes, message):
    if changes:
        path = tmp_path / 'a.pkl'
        path.write_bytes(pickle.dumps([1, 2]))
        message = 'expected a dict with split and annotations, got list'
    else:
        path = write(tmp_path / 'a.pkl')
    with pytest.raises(ValueError, match=message):
        SkeletonDataset(str(path), [], **settings)


def test_a_label_outside_the_label_set_names_the_clip(tmp_path):
    path = write(tmp_path / 'a.pkl', annotations=[dict(
        frame_dir='clip0', label=10, total_frames=4, keypoint=np.zeros((1, 4, 20, 3)))])
    with pytest.raises(ValueError, match="clip0 has label 10, but label set 'nwucla' has 10"):
        SkeletonDataset(path, [], 'a', label_set='nwucla')
