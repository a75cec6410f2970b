import numpy as np
import pytest
from broken_files import refuse_or_read
from scipy.io import savemat

from cocodiff_mm.datasets.clip import check_clip
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.converters.utd_mhad import UTDMHADSource
from cocodiff_mm.datasets.store import SkeletonStore


def motion(frames=6, seed=0):
    return np.random.default_rng(seed).normal(size=(20, 3, frames))


def write(folder, name, skeleton=None, compressed=True, **variables):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{name}_skeleton.mat'
    if skeleton is not None:
        variables['d_skel'] = skeleton
    savemat(path, variables, do_compression=compressed)
    return path


def read_first(folder):
    source = UTDMHADSource(folder)
    return source.read(*source.items()[0])


@pytest.mark.parametrize('compressed', [True, False])
@pytest.mark.parametrize('frames', [1, 6])
def test_a_file_is_read(tmp_path, frames, compressed):
    write(tmp_path / 'Skeleton', 'a5_s2_t3', motion(frames), compressed)
    clip = read_first(tmp_path)
    assert clip.keypoint.shape == (1, frames, 20, 3)
    np.testing.assert_array_equal(clip.keypoint[0, 0, :, 1], motion(frames)[:, 1, 0].astype('f4'))
    np.testing.assert_array_equal(clip.keypoint[0, -1], motion(frames)[..., -1].astype('f4'))
    assert (clip.name, clip.label, clip.subject, clip.replication) == ('a5_s2_t3', 4, 2, 3)
    check_clip(clip, UTDMHADSource(tmp_path).info, 20)


def test_odd_subjects_train(tmp_path):
    names = [f'a{a}_s{s}_t1' for a in (1, 2, 10, 27) for s in range(1, 9)]
    for name in names:
        write(tmp_path / 'raw', name, motion())
    (tmp_path / 'raw' / 'a1_s1_t1_inertial.mat').write_bytes(b'another sensor')
    report = convert(UTDMHADSource(tmp_path / 'raw'), tmp_path / 'store', processes=1)
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == names  # a2 before a10
    for split, rest in (('xsub_train', 1), ('xsub_val', 0)):
        subjects = store.clips['subject'][store.split(split)]
        assert len(subjects) == 16 and (subjects % 2 == rest).all()
    assert report.splits == dict(xsub_train=16, xsub_val=16)
    assert store.clips['label'].tolist() == [0] * 8 + [1] * 8 + [9] * 8 + [26] * 8


@pytest.mark.parametrize('name', ['a28_s1_t1', 'a0_s1_t1', 'a1_s9_t1', 'a1_s1_t5', 'walking'])
def test_other_names_are_refused(tmp_path, name):
    write(tmp_path, name, motion())
    with pytest.raises(BadClip, match=f'{name}_skeleton.mat: expected a name such as a1_s1_t1'):
        read_first(tmp_path)


@pytest.mark.parametrize('variables, message', [
    (dict(d_iner=np.zeros((3, 6))), 'holds d_iner, expected an array of numbers d_skel'),
    (dict(skeleton=np.zeros((6, 20, 3))), r'shape \(6, 20, 3\), expected \(20 joints, 3'),
    (dict(skeleton=np.zeros((20, 3, 0))), r'shape \(20, 3, 0\)'),
    (dict(skeleton=np.zeros((25, 3, 4))), r'shape \(25, 3, 4\)'),
    (dict(skeleton=np.array(['text'])), 'holds no numbers, expected an array'),
    (dict(skeleton=np.full((20, 3, 2), np.nan)), r'nan in d_skel at \(0, 0, 0\) and 120'),
    (dict(skeleton=np.full((20, 3, 2), 1e200)), '1e\\+200 in d_skel'),
])
def test_other_contents_are_refused(tmp_path, variables, message):
    write(tmp_path, 'a1_s1_t1', **variables)
    with pytest.raises(BadClip, match=f'a1_s1_t1_skeleton.mat.*{message}'):
        read_first(tmp_path)


@pytest.mark.parametrize('content, message', [
    (b'', 'is empty'), (b'not a matrix', 'can not be read: it is not a MATLAB 5.0 file'),
    (b'\x89HDF\r\n', 'can not be read'), (b'MATLAB 5.0 MAT-file', 'can not be read')])
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / 'a1_s1_t1_skeleton.mat').write_bytes(content)
    with pytest.raises(BadClip, match=f'a1_s1_t1_skeleton.mat {message}'):
        read_first(tmp_path)


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.*Skeleton.zip'):
        UTDMHADSource(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError, match=r'holds no \*_skeleton.mat'):
        UTDMHADSource(tmp_path).items()


@pytest.mark.parametrize('compressed', [True, False])
def test_damage_is_refused_or_harmless(tmp_path, compressed):
    path = write(tmp_path, 'a1_s1_t1', motion(1), compressed)
    source = UTDMHADSource(tmp_path)
    [(name, handle)] = source.items()
    assert refuse_or_read(lambda: source.read(name, handle), source.info, path) > 50
