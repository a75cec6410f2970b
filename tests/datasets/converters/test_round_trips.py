"""The same recordings through every form that can hold them give the same store."""

import pickle

import numpy as np
import pytest
from skeleton_files import person, write

from cocodiff_mm.datasets.converters.clip_folder import ClipFolderSource
from cocodiff_mm.datasets.converters.clip_form import ClipForm
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.ctrgcn_npz import CTRGCNSource
from cocodiff_mm.datasets.converters.ntu import NTUSource
from cocodiff_mm.datasets.converters.pyskl_pickle import PickleSource
from cocodiff_mm.datasets.store import SkeletonStore

NAMES = [f'S001C{camera:03}P{subject:03}R001A{action:03}'
         for action in (1, 51) for subject in (1, 3) for camera in (1, 2)]


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    """Store of ``.skeleton`` files of one and two actors."""
    folder = tmp_path_factory.mktemp('raw')
    rng = np.random.default_rng(0)
    for i, name in enumerate(NAMES):
        tracks = [person(rng, 20 + i) for _ in range(1 + i % 2)]
        frames = [{str(body): pose for body, pose in enumerate(poses)}
                  for poses in zip(*tracks, strict=True)]
        write(folder / 'files' / f'{name}.skeleton', frames)
    convert(NTUSource(folder / 'files'), folder / 'store', processes=1)
    return SkeletonStore(folder / 'store')


def remake(source, folder):
    convert(source, folder / 'again', processes=1)
    return SkeletonStore(folder / 'again')


def assert_same_clips(store, again):
    for i, name in enumerate(store.names()):
        j = again.names().index(name)
        np.testing.assert_array_equal(again.keypoint(j), store.keypoint(i))
        assert again.clips['label'][j] == store.clips['label'][i]


def test_pickle(raw, tmp_path):
    assert {raw.keypoint(i).shape[0] for i in range(len(raw))} == {1, 2}
    annotations = [dict(frame_dir=name, label=int(raw.clips['label'][i]),
                        total_frames=raw.keypoint(i).shape[1], keypoint=np.array(raw.keypoint(i)))
                   for i, name in enumerate(raw.names())]
    split = {name: [raw.name(i) for i in raw.split(name)] for name in raw.split_names}
    path = tmp_path / 'ntu60_3d.pkl'
    path.write_bytes(pickle.dumps(dict(split=split, annotations=annotations)))
    again = remake(PickleSource(path), tmp_path)
    assert_same_clips(raw, again)
    assert again.names() == raw.names() and again.split_names == raw.split_names
    np.testing.assert_array_equal(again.clips, raw.clips)
    for name in raw.split_names:
        np.testing.assert_array_equal(again.split(name), raw.split(name))


def test_npz(raw, tmp_path):
    parts = {}
    for part, split in (('train', 'xsub_train'), ('test', 'xsub_val')):
        clips = raw.split(split)
        parts[f'x_{part}'] = np.zeros((len(clips), 300, 150), np.float32)
        parts[f'y_{part}'] = np.zeros((len(clips), 60))
        for row, clip in enumerate(clips):
            joints = raw.keypoint(clip)
            for place, track in enumerate(joints):
                flat = track.reshape(len(track), 75)
                parts[f'x_{part}'][row, :len(track), 75 * place:75 * place + 75] = flat
            parts[f'y_{part}'][row, raw.clips['label'][clip]] = 1
    np.savez(tmp_path / 'NTU60_CS.npz', **parts)
    again = remake(CTRGCNSource(tmp_path / 'NTU60_CS.npz'), tmp_path)
    for split in ('xsub_train', 'xsub_val'):
        pairs = list(zip(raw.split(split), again.split(split), strict=True))
        assert pairs
        for clip, other in pairs:
            np.testing.assert_array_equal(again.keypoint(other), raw.keypoint(clip))
            assert again.clips['label'][other] == raw.clips['label'][clip]


def test_own_clips(raw, tmp_path):
    for i, name in enumerate(raw.names()):
        folder = tmp_path / 'clips' / raw.classes[raw.clips['label'][i]].replace('/', ' ')
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f'{name}.npy', raw.keypoint(i))
    again = remake(ClipFolderSource(tmp_path / 'clips', ClipForm('nturgb+d')), tmp_path)
    assert len(again) == len(raw)
    for i, name in enumerate(again.names()):
        own = name.rsplit('/', 1)[-1]
        clip = raw.names().index(own)
        np.testing.assert_array_equal(again.keypoint(i), raw.keypoint(clip))
        assert again.classes[again.clips['label'][i]] == raw.classes[raw.clips['label'][clip]]
