import pickle

import numpy as np
import pytest
from broken_files import refuse_or_read
from skeleton_files import line_damages, person, scene, write

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import check_clip
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.ntu import MISSING_SKELETONS, NTUSource
from cocodiff_mm.datasets.converters.ntu_denoise import find_actors
from cocodiff_mm.datasets.converters.ntu_skeleton import read_skeleton
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey
from cocodiff_mm.datasets.published import PUBLISHED_SPLITS
from cocodiff_mm.datasets.store import SkeletonStore

LISTED = 'listed by the authors of the set as without a whole skeleton'
ONLY_120 = 'of NTU RGB+D 120 only'


def name_of(setup=1, camera=1, subject=1, replication=1, action=1):
    return f'S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}'


def frames_of(frames=14, seed=0):
    joints = person(np.random.default_rng(seed), frames)
    return [{'72057594037931101': pose} for pose in joints]


def write_clip(folder, name, frames=None):
    return write(folder / f'{name}.skeleton', frames or frames_of())


def keys(*names):
    return [ClipKey(name, int(name[-3:]) - 1, int(name[9:12]), int(name[5:8]), int(name[1:4]),
                    int(name[13:16])) for name in names]


def test_a_file_becomes_a_clip(tmp_path):
    name = name_of(17, 3, 40, 2, 60)
    frames = scene(np.random.default_rng(3), 60, 4)
    path = write_clip(tmp_path / 'nturgb+d_skeletons', name, frames)
    source = NTUSource(tmp_path)
    assert source.items() == [(name, str(path))]
    clip = source.read(name, str(path))
    keypoint, notes = find_actors(read_skeleton(path))
    np.testing.assert_array_equal(clip.keypoint, keypoint)
    assert clip.notes == notes and notes and len(keypoint) == 2
    assert (clip.name, clip.label, clip.setup, clip.camera, clip.subject, clip.replication) == \
        (name, 59, 17, 3, 40, 2)
    check_clip(clip, source.info, 25)


def test_info(tmp_path):
    for dataset, classes in (('ntu60', 60), ('ntu120', 120)):
        info = NTUSource(tmp_path, dataset).info
        assert (info.name, info.layout, info.dtype) == (dataset, 'nturgb+d', 'float32')
        assert info.classes == CLASSES[dataset] and len(info.classes) == classes
        assert str(tmp_path) in info.source


def test_files_are_found_in_all_folders_once(tmp_path):
    names = [name_of(setup, action=action) for setup in (1, 18, 32) for action in (1, 60, 120)]
    for name in names:
        folder = 'nturgb+d_skeletons' + '120' * (name[:4] > 'S017')
        write_clip(tmp_path / folder / 'part', name)
    (tmp_path / 'readme.txt').write_text('no clip')
    both = [tmp_path / 'nturgb+d_skeletons120', tmp_path / 'nturgb+d_skeletons']
    for folders in (tmp_path, str(tmp_path), [tmp_path], [both[0], tmp_path], both):
        source = NTUSource(folders, 'ntu120')
        assert [name for name, _ in source.items()] == sorted(names)
        assert source.skipped() == {}


def test_ntu60_is_the_part_of_17_set_ups_and_60_actions(tmp_path):
    names = [name_of(1), name_of(17, action=60), name_of(17, action=61), name_of(18)]
    for name in names:
        write_clip(tmp_path, name)
    source = NTUSource(tmp_path)
    assert [name for name, _ in source.items()] == names[:2]
    assert source.skipped() == {ONLY_120: names[2:]}
    assert len(NTUSource(tmp_path, 'ntu120').items()) == 4


def test_recordings_without_skeletons_are_left_out(tmp_path):
    missing_60, missing_120 = 'S001C002P005R002A008', 'S032C003P067R002A077'
    for name in (missing_60, missing_120, name_of()):
        write_clip(tmp_path, name)
    for dataset, skipped in (('ntu60', {LISTED: [missing_60], ONLY_120: [missing_120]}),
                             ('ntu120', {LISTED: [missing_60, missing_120]})):
        source = NTUSource(tmp_path, dataset)
        assert source.items() == [(name_of(), str(tmp_path / f'{name_of()}.skeleton'))]
        assert source.skipped() == skipped


def test_as_many_recordings_are_listed_as_were_published(tmp_path):
    names = MISSING_SKELETONS.read_text().split()
    assert names == sorted(set(names))
    for name in names:
        (tmp_path / f'{name}.skeleton').touch()
    for dataset, listed, rest in (('ntu60', 302, 233), ('ntu120', 535, 0)):
        source = NTUSource(tmp_path, dataset)
        assert source.items() == []
        assert len(source.skipped()[LISTED]) == listed
        assert len(source.skipped().get(ONLY_120, ())) == rest
        # All recordings but these make up the splits of each protocol.
        recorded = dict(ntu60=56880, ntu120=114480)[dataset]
        sizes = PUBLISHED_SPLITS[dataset]
        for protocol in {split.split('_')[0] for split in sizes}:
            assert sizes[f'{protocol}_train'] + sizes[f'{protocol}_val'] == recorded - listed


def test_splits_of_ntu60(tmp_path):
    clips = keys(*[name_of(2, camera, subject) for camera in (1, 2, 3) for subject in range(1, 41)])
    splits = NTUSource(tmp_path).splits(clips)
    assert list(splits) == list(PUBLISHED_SPLITS['ntu60'])
    subjects = sorted({int(name[9:12]) for name in splits['xsub_train']})
    assert subjects == [1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38]
    assert {name[5:8] for name in splits['xview_train']} == {'002', '003'}
    assert {name[5:8] for name in splits['xview_val']} == {'001'}
    for protocol in ('xsub', 'xview'):
        assert sorted(splits[f'{protocol}_train'] + splits[f'{protocol}_val']) == \
            sorted(clip.name for clip in clips)


def test_splits_of_ntu120(tmp_path):
    clips = keys(*[name_of(setup, 1, subject) for setup in range(1, 33)
                   for subject in range(1, 107)])
    splits = NTUSource(tmp_path, 'ntu120').splits(clips)
    assert list(splits) == list(PUBLISHED_SPLITS['ntu120'])
    subjects = {int(name[9:12]) for name in splits['xsub_train']}
    assert len(subjects) == 53 and {1, 38, 45, 59, 70, 103} <= subjects
    assert not subjects & {3, 40, 41, 44, 48, 51, 60, 69, 96, 99, 101, 102, 104, 105, 106}
    # Who trains in NTU RGB+D 60 trains here, who is tested there is tested here.
    smaller = NTUSource(tmp_path).splits(keys(*[name_of(subject=i) for i in range(1, 41)]))
    assert {int(name[9:12]) for name in smaller['xsub_train']} == {i for i in subjects if i < 41}
    assert {int(name[1:4]) for name in splits['xset_train']} == set(range(2, 33, 2))
    for protocol in ('xsub', 'xset'):
        assert len(splits[f'{protocol}_train']) + len(splits[f'{protocol}_val']) == len(clips)


@pytest.mark.parametrize('processes', [1, 2])
def test_a_store_is_made(tmp_path, processes):
    rng = np.random.default_rng(0)
    names = [name_of(setup, camera, subject, action=setup)
             for setup in (1, 2) for camera in (1, 2, 3) for subject in (1, 3)]
    for name in names:
        write_clip(tmp_path / 'raw', name, scene(rng, 40, 1))
    write_clip(tmp_path / 'raw', 'S001C002P005R002A008')
    report = convert(NTUSource(tmp_path / 'raw'), tmp_path / 'store', processes)
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == sorted(names) and store.layout == 'nturgb+d'
    assert report.splits == dict(xsub_train=6, xsub_val=6, xview_train=8, xview_val=4)
    assert report.skipped == {LISTED: ['S001C002P005R002A008']} and not report.bad
    assert store.clips['label'].tolist() == [0] * 6 + [1] * 6
    path = tmp_path / 'raw' / f'{names[4]}.skeleton'
    np.testing.assert_array_equal(
        store.keypoint(store.names().index(names[4])), find_actors(read_skeleton(path))[0])
    assert not store.keypoint(0)[0, 0, 1].any()


@pytest.mark.parametrize('name', [
    'S001C001P001R001A061', 'S018C001P001R001A001', 'S000C001P001R001A001', 'S001C004P001R001A001',
    'S001C001P041R001A001', 'S001C001P001R003A001', 'S001C001P001R001A000', 'S1C1P1R1A1', 'walking',
    'S001C001P001R001A001_rgb', '._S001C001P001R001A001'])
def test_names_that_tell_nothing_are_refused(tmp_path, name):
    path = write_clip(tmp_path, name)
    with pytest.raises(BadClip, match='expected a name such as S001C001P001R001A001') as error:
        NTUSource(tmp_path).read(name, str(path))
    assert str(error.value).startswith(str(path))


def test_bad_files_and_second_files_are_reported(tmp_path):
    good, short, broken = name_of(), name_of(2), name_of(3)
    write_clip(tmp_path / 'a', good)
    write_clip(tmp_path / 'b', good)
    write_clip(tmp_path / 'a', 'walking')
    poses = frames_of(11)
    write_clip(tmp_path / 'a', short, [{**pose, '2': pose['72057594037931101']} for pose in poses])
    write_clip(tmp_path / 'a', broken).write_bytes(b'14\r\n1\r\n')
    report = convert(NTUSource(tmp_path), tmp_path / 'store', 1, tolerate=4)
    reasons = {entry.name: entry.reason for entry in report.bad}
    assert report.clips == 1 and set(reasons) == {good, short, broken, 'walking'}
    assert 'a second clip of this name' in reasons[good]
    assert 'none of its 2 bodies is there for 12 frames' in reasons[short]
    assert 'is cut short: it ends in frame 1 of 14' in reasons[broken]
    assert all('.skeleton' in reason for reason in reasons.values())


@pytest.mark.filterwarnings('error')
def test_damaged_files_give_a_clip_or_a_sentence(tmp_path):
    path = write_clip(tmp_path, name_of(), scene(np.random.default_rng(1), 20, 2))
    source = NTUSource(tmp_path)

    def read():
        return source.read(name_of(), str(path))
    assert refuse_or_read(read, source.info, path, 250) > 50
    for changed in line_damages(path.read_bytes(), 150):
        path.write_bytes(changed)
        try:
            clip = read()
        except BadClip as error:
            assert str(error).startswith(str(path))
        else:
            check_clip(clip, source.info, 25)


def test_a_source_can_be_sent_to_another_process(tmp_path):
    path = write_clip(tmp_path, name_of())
    source = pickle.loads(pickle.dumps(NTUSource([tmp_path], 'ntu120')))
    assert source.read(*source.items()[0]).keypoint.shape == (1, 14, 25, 3)
    assert source.items() == [(name_of(), str(path))]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder: .*nowhere.*docs/data.md"):
        NTUSource([tmp_path, tmp_path / 'nowhere'])
    with pytest.raises(FileNotFoundError, match='no .skeleton file, expected S001C001P001R001A001'):
        NTUSource(tmp_path).items()
    with pytest.raises(ValueError, match="unknown dataset 'ntu'; allowed: 'ntu60', 'ntu120'"):
        NTUSource(tmp_path, 'ntu')
