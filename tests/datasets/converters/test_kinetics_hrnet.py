import pickle

import numpy as np
import pytest
from broken_files import refuse_or_read
from mmaction.datasets.transforms import DecompressPose

from cocodiff_mm.datasets.clip import check_clip
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.kinetics_hrnet import KineticsHRNetSource
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.datasets.store import SkeletonStore

COUNTS = (1, 3, 0, 2, 1)  # persons in each frame


def annotation(name, label=7, counts=COUNTS, seed=0, **changes):
    """A table entry and its skeletons, the most certain person of a frame first."""
    rng = np.random.default_rng(seed)
    frames = np.repeat(np.arange(len(counts)), counts).astype(np.int16)
    box = np.concatenate([np.sort(rng.uniform(0.55, 1, n))[::-1] for n in counts])
    skeletons = np.concatenate([rng.uniform(0, 250, (len(frames), 17, 2)),
                                rng.uniform(0.1, 1, (len(frames), 17, 1))], axis=-1)
    entry = dict(
        frame_dir=name, label=label, img_shape=(256, 340), original_shape=(256, 340),
        total_frames=len(counts), num_person_raw=3, frame_inds=frames,
        box_score=box.astype(np.float16), valid={0.5: 4}, raw_file='data/k400/kpfiles/part_0.pkl')
    return dict(entry, **changes), skeletons.astype(np.float16)


def write(folder, *clips, split=None):
    """Table of contents and one file that all clips share."""
    (folder / 'kpfiles').mkdir(parents=True)
    entries, skeletons = zip(*clips, strict=True)
    names = [entry['frame_dir'] for entry in entries]
    table = dict(split=split or dict(train=names[:1], val=names[1:]), annotations=list(entries))
    (folder / 'k400_hrnet.pkl').write_bytes(pickle.dumps(table))
    (folder / 'kpfiles' / 'part_0.pkl').write_bytes(pickle.dumps(
        {name: dict(keypoint=values) for name, values in zip(names, skeletons, strict=True)}))
    return folder / 'k400_hrnet.pkl', folder / 'kpfiles'


def read_first(source):
    return source.read(*source.items()[0])


def test_frames_and_persons_are_those_that_pyskl_trains_on(tmp_path):
    entry, skeletons = annotation('clip')
    clip = read_first(KineticsHRNetSource(*write(tmp_path, (entry, skeletons))))
    expected = DecompressPose(squeeze=True).transform(dict(entry, keypoint=skeletons))
    assert clip.keypoint.shape == (2, 4, 18, 2) and clip.img_shape == (256, 340)
    assert (clip.label, clip.keypoint.dtype) == (7, np.float16)
    for here, there in ((0, 0), (2, 6), (5, 5), (10, 16), (13, 15), (14, 2), (17, 3)):
        assert JOINTS['openpose'][here] == JOINTS['coco'][there]
    shared = [(here, JOINTS['coco'].index(name)) for here, name in enumerate(JOINTS['openpose'])
              if name != 'neck']
    here, there = np.array(shared).T
    np.testing.assert_array_equal(clip.keypoint[:, :, here], expected['keypoint'][:2][:, :, there])
    np.testing.assert_array_equal(clip.score[..., here],
                                  expected['keypoint_score'][:2][..., there])


def test_the_neck_is_between_the_shoulders(tmp_path):
    source = KineticsHRNetSource(*write(tmp_path, annotation('clip')))
    clip = read_first(source)
    left, right, neck = (JOINTS['openpose'].index(f'{name}')
                         for name in ('left_shoulder', 'right_shoulder', 'neck'))
    points = clip.keypoint.astype(np.float32)
    np.testing.assert_allclose(points[:, :, neck], (points[:, :, left] + points[:, :, right]) / 2,
                               rtol=1e-3)
    np.testing.assert_array_equal(
        clip.score[..., neck], np.minimum(clip.score[..., left], clip.score[..., right]))
    check_clip(clip, source.info, 18)


def test_the_highest_box_scores_are_kept(tmp_path):
    entry, skeletons = annotation('clip', counts=(4, ))
    entry['box_score'] = np.array([0.6, 0.9, 0.7, 0.8], np.float16)
    clip = read_first(KineticsHRNetSource(*write(tmp_path, (entry, skeletons))))
    np.testing.assert_array_equal(clip.keypoint[:, 0, 0], skeletons[[1, 3], 0, :2])


def test_box_thr_leaves_out_persons_frames_and_clips(tmp_path):
    clips = [annotation(name, seed=i) for i, name in enumerate('ab')]
    clips[0][0]['box_score'][:] = [.9, .9, .5, .4, .6, .6, .95]
    clips[1][0]['box_score'][:] = 0.5
    table, folder = write(tmp_path, *clips)
    source = KineticsHRNetSource(table, folder, box_thr=0.8)
    assert [name for name, _ in source.items()] == ['a']
    assert source.skipped() == {'no person with a box score of 0.8 or more': ['b']}
    clip = read_first(source)
    kept = clips[0][1][[0, 1, 6]]
    np.testing.assert_array_equal(clip.keypoint[0, :, 0], kept[:, 0, :2])
    assert clip.keypoint.shape == (1, 3, 18, 2)


def test_a_clip_may_have_a_file_of_its_own(tmp_path):
    """As MMAction2 has them: a dict, or in earlier versions an array."""
    clips = [annotation(name, seed=i) for i, name in enumerate('abc')]
    table, folder = write(tmp_path, *clips)
    expected = [KineticsHRNetSource(table, folder).read(name, handle)
                for name, handle in KineticsHRNetSource(table, folder).items()]
    for entry, _ in clips:
        del entry['raw_file']
    table, folder = write(tmp_path / 'own', *clips)
    for (entry, skeletons), wrap in zip(
            clips, (lambda x: dict(keypoint=x), lambda x: x, lambda x: dict(keypoint=x)),
            strict=True):
        (folder / f'{entry["frame_dir"]}.pkl').write_bytes(pickle.dumps(wrap(skeletons)))
    source = KineticsHRNetSource(table, folder)
    for (name, handle), other in zip(source.items(), expected, strict=True):
        np.testing.assert_array_equal(source.read(name, handle).keypoint, other.keypoint)


@pytest.mark.parametrize('processes', [1, 2])
def test_a_store_in_half_precision(tmp_path, processes):
    clips = [annotation(f'clip_{i}', seed=i, label=i) for i in range(6)]
    table, folder = write(tmp_path / 'raw', *clips)
    report = convert(KineticsHRNetSource(table, folder), tmp_path / 'store', processes=processes)
    store = SkeletonStore(tmp_path / 'store')
    assert store.keypoint(0).dtype == np.float16 and report.splits == dict(train=1, val=5)
    assert (store.clips['height'] == 256).all() and (store.clips['width'] == 340).all()
    assert store.clips['label'].tolist() == list(range(6))
    np.testing.assert_array_equal(store.keypoint(4)[0, 0, 0], clips[4][1][0, 0, :2])


def test_clips_of_a_file_come_together(tmp_path):
    files = ['y', 'x', 'y', 'x']
    clips = [annotation(str(i), raw_file=file) for i, file in enumerate(files)]
    source = KineticsHRNetSource(*write(tmp_path, *clips))
    assert [name for name, _ in source.items()] == ['1', '3', '0', '2']


def test_a_source_goes_to_other_processes_without_its_files(tmp_path):
    source = KineticsHRNetSource(*write(tmp_path, *[
        annotation(str(i), counts=(3, ) * 300) for i in range(5)]))
    name, handle = source.items()[0]
    source.read(name, handle)
    sent = pickle.dumps(source)
    assert len(sent) < 20_000
    np.testing.assert_array_equal(
        pickle.loads(sent).read(name, handle).keypoint, source.read(name, handle).keypoint)
    assert str(handle).endswith('k400_hrnet.pkl, annotation 1')


@pytest.mark.parametrize('change, message', [
    (dict(label=400), 'label 400, expected 0 to 399'), (dict(label=True), 'label True'),
    (dict(img_shape=None), 'img_shape None, expected'), (dict(img_shape=(0, 3)), 'img_shape'),
    (dict(frame_inds=np.arange(6)), r'frame_inds is int64 \(6,\), expected one number for each of '
                                    'the 7'),
    (dict(frame_inds=np.arange(7) * 9), 'frame_inds from 0 to 54'),
    (dict(frame_inds=np.zeros(7)), 'frame_inds from'),
    (dict(box_score=None), 'box_score is NoneType'),
    (dict(box_score=np.full(7, np.nan)), 'finite|no person'),
    (dict(total_frames='5'), 'total_frames'),
])
def test_wrong_annotations_are_a_sentence(tmp_path, change, message):
    entry, skeletons = annotation('clip')
    good, bad = (entry, skeletons), (dict(entry, frame_dir='bad', **change), skeletons)
    source = KineticsHRNetSource(*write(tmp_path, good, bad))
    found = dict(source.items())
    if 'bad' not in found:
        assert sum(source.skipped().values(), []) == ['bad']
        return
    with pytest.raises(BadClip, match=f'k400_hrnet.pkl, annotation 2, bad: .*{message}'):
        source.read('bad', found['bad'])


@pytest.mark.parametrize('skeletons, message', [
    (np.zeros((7, 18, 3)), r'float64 \(7, 18, 3\), expected .*17 joints'),
    (np.zeros((0, 17, 3)), r'\(0, 17, 3\)'), ([1, 2], 'are list'),
    (np.full((7, 17, 3), np.inf, np.float32), 'inf in joints of clip.*expected finite'),
    (np.full((7, 17, 3), 1e6), '1000000.0 in joints of clip'),
])
def test_wrong_skeletons_are_a_sentence(tmp_path, skeletons, message):
    source = KineticsHRNetSource(*write(tmp_path, (annotation('clip')[0], skeletons)))
    with pytest.raises(BadClip, match=f'part_0.pkl.*{message}'):
        read_first(source)


def test_a_missing_or_broken_file_of_skeletons_is_named(tmp_path):
    source = KineticsHRNetSource(*write(tmp_path, annotation('clip')))
    file = tmp_path / 'kpfiles' / 'part_0.pkl'
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(BadClip, match='part_0.pkl is damaged'):
        read_first(source)
    file.unlink()
    with pytest.raises(BadClip, match='part_0.pkl is not there'):
        read_first(source)


@pytest.mark.parametrize('table', [[], {}, dict(annotations=[], split={}), 'text', dict(
    annotations=[1], split={}), dict(annotations=[{}], split=[1])])
def test_another_pickle_is_refused(tmp_path, table):
    (tmp_path / 'kpfiles').mkdir()
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(table))
    with pytest.raises(ValueError, match="a.pkl is not PYSKL's table of contents; expected dict"):
        KineticsHRNetSource(tmp_path / 'a.pkl', tmp_path / 'kpfiles').items()


def test_paths_and_threshold_are_checked(tmp_path):
    table, folder = write(tmp_path, annotation('clip'))
    with pytest.raises(FileNotFoundError, match='nothing.pkl'):
        KineticsHRNetSource(tmp_path / 'nothing.pkl', folder)
    with pytest.raises(FileNotFoundError, match='elsewhere.*folder kpfiles'):
        KineticsHRNetSource(table, tmp_path / 'elsewhere')
    with pytest.raises(ValueError, match='box_thr is 1.5'):
        KineticsHRNetSource(table, folder, box_thr=1.5)


def test_damage_is_refused_or_harmless(tmp_path):
    table, folder = write(tmp_path, annotation('clip', counts=(1, 2)))
    source = KineticsHRNetSource(table, folder)
    [(name, handle)] = source.items()

    def read():
        return KineticsHRNetSource(table, folder).read(name, handle)

    assert refuse_or_read(read, source.info, folder / 'part_0.pkl', 300) > 75
