import json
import os
import resource
import signal

import numpy as np
import pytest
from tiny_source import Running, TinySource, contents, wait_for_clips, write_tiny

from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
from cocodiff_mm.datasets.converters.workers import WorkerDied
from cocodiff_mm.datasets.store import SkeletonStore

SLOW = 0.01


@pytest.fixture
def folder(tmp_path):
    return write_tiny(tmp_path / 'raw')


@pytest.fixture
def reference(folder, tmp_path):
    """Files of a store that was made in one go by one process."""
    convert(TinySource(folder), tmp_path / 'reference', processes=1)
    return contents(tmp_path / 'reference')


def partial_of(store):
    return store.with_name(f'.{store.name}.partial')


def test_a_store_holds_what_the_source_reads(folder, tmp_path):
    source = TinySource(folder)
    report = convert(source, tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    store.verify()
    assert store.names() == [f'clip_{i:03d}' for i in range(40)]
    for i, (name, handle) in enumerate(source.items()):
        clip = source.read(name, handle)
        np.testing.assert_array_equal(store.keypoint(i), clip.keypoint.astype(np.float32))
        assert (store.clips[i]['label'], store.clips[i]['subject']) == (clip.label, clip.subject)
    # 40 clips of 1 to 10 frames: half of each ten has fewer than 6.
    assert report.frames == 4 * 55 and report.splits == dict(train=20, val=20)
    assert [store.name(i) for i in store.split('val')[:2]] == ['clip_005', 'clip_006']


def test_the_report_is_part_of_the_store(folder, tmp_path):
    convert(TinySource(write_tiny(folder, odd='1')), tmp_path / 'store', tolerate=1)
    report = json.loads((tmp_path / 'store' / 'meta.json').read_text())['report']
    assert report['clips'] == 40 and report['skipped'] == {'known to be empty': ['nobody']}
    repaired = report['repaired']['N frames mended']
    # Of each ten clips, those of 3, 6 and 9 frames.
    assert repaired['clips'] == 12 and repaired['examples'][1] == 'clip_005: 6 frames mended'
    assert report['bad'] == [dict(
        name='odd', reason=f"{folder / 'odd.txt'}: expected LABEL FRAMES, got '1'")]


@pytest.mark.parametrize('processes', [2, 5])
def test_the_number_of_processes_changes_no_byte(folder, tmp_path, reference, processes):
    convert(TinySource(folder), tmp_path / 'store', processes=processes)
    assert contents(tmp_path / 'store') == reference


@pytest.mark.parametrize('processes', [1, 3])
def test_a_killed_conversion_goes_on_where_it_stopped(folder, tmp_path, processes):
    write_tiny(folder, clip_003='bad', clip_030='bad')
    convert(TinySource(folder), tmp_path / 'reference', processes=1, tolerate=2)
    store = tmp_path / 'store'
    for clips in (5, 20):
        running = Running(convert, TinySource(folder, SLOW), store, processes, 2)
        wait_for_clips(store, clips)
        running.signal(signal.SIGKILL)
        assert running.join() == -signal.SIGKILL  # the workers have gone as well
        assert not store.exists()
    report = convert(TinySource(folder), store, processes, tolerate=2)
    assert report.taken_up >= 20 and len(report.bad) == 2
    assert contents(store) == contents(tmp_path / 'reference')
    assert not partial_of(store).exists()


def test_ctrl_c_ends_all_processes_and_keeps_what_was_done(folder, tmp_path, reference):
    store = tmp_path / 'store'
    running = Running(convert, TinySource(folder, SLOW), store, 2)
    wait_for_clips(store, 5)
    running.signal(signal.SIGINT, group=True)
    assert running.join() == 1
    assert convert(TinySource(folder), store).taken_up >= 5
    assert contents(store) == reference


def test_a_worker_that_dies_is_a_sentence_and_not_a_wait(folder, tmp_path):
    write_tiny(folder, clip_020='kill')
    with pytest.raises(WorkerDied, match="killed at about 'clip_0.*fewer --processes"):
        convert(TinySource(folder), tmp_path / 'store', processes=2)
    assert not (tmp_path / 'store').exists()
    write_tiny(folder)
    assert convert(TinySource(folder), tmp_path / 'store', processes=2).clips == 40


def test_too_many_bad_clips_make_no_store_and_are_listed(folder, tmp_path):
    write_tiny(folder, clip_001='?', clip_002='7 3', clip_003='0 0')
    store = tmp_path / 'store'
    with pytest.raises(TooManyBadClips, match='3 of 40 clips .* 2 are tolerated.*--tolerate 3'):
        convert(TinySource(folder), store, tolerate=2)
    assert not store.exists()
    listed = (tmp_path / 'store.report.txt').read_text()
    for line in ("clip_001.txt: expected LABEL FRAMES, got '?'",
                 'clip_002.txt, clip_002: label 7, expected 0 to 1',
                 'clip_003.txt, clip_003: 1 persons in 0 frames'):
        assert line in listed
    report = convert(TinySource(folder), store, tolerate=3)
    assert report.taken_up == 37 and len(SkeletonStore(store)) == 37
    assert not (tmp_path / 'store.report.txt').exists()  # it is out of date


def test_the_earlier_store_survives_a_failure(folder, tmp_path, reference):
    store = tmp_path / 'reference'
    write_tiny(folder, clip_001='?')
    with pytest.raises(FileExistsError, match='--overwrite'):
        convert(TinySource(folder), store)
    with pytest.raises(TooManyBadClips):
        convert(TinySource(folder), store, overwrite=True)
    assert contents(store) == reference
    convert(TinySource(folder), store, overwrite=True, tolerate=1)
    assert len(SkeletonStore(store)) == 39


def test_a_clip_whose_name_is_there_is_bad(folder, tmp_path):
    write_tiny(folder, **{'clip_007+copy': '0 1'})
    with pytest.raises(TooManyBadClips) as caught:
        convert(TinySource(folder), tmp_path / 'store')
    (entry, ) = caught.value.report.bad
    assert entry.name == 'clip_007'
    assert entry.reason == (
        f"clip_007: a second clip of this name, in {folder / 'clip_007.txt'}; the first is in "
        f"{folder / 'clip_007+copy.txt'}")


def test_a_name_that_is_no_text_is_bad_and_can_be_listed(folder, tmp_path):
    (folder / os.fsdecode(b'clip_\xff.txt')).write_text('0 1')
    with pytest.raises(TooManyBadClips):
        convert(TinySource(folder), tmp_path / 'store')
    listed = (tmp_path / 'store.report.txt').read_text()
    assert 'clip_\\udcff.txt: its name is not plain text' in listed
    convert(TinySource(folder), tmp_path / 'store', tolerate=1)
    assert len(SkeletonStore(tmp_path / 'store')) == 40


def test_clips_that_are_gone_from_the_source_leave_the_unfinished_store(folder, tmp_path):
    write_tiny(folder, clip_039='?')
    with pytest.raises(TooManyBadClips):
        convert(TinySource(folder), tmp_path / 'store')
    for name in ('clip_000', 'clip_039'):
        (folder / f'{name}.txt').unlink()
    report = convert(TinySource(folder), tmp_path / 'store')
    assert report.taken_up == 0 and report.clips == 38


def test_files_that_changed_are_read_again(folder, tmp_path):
    """What changed is a label, a clip that needs no mending any more, and a bad clip."""
    store = tmp_path / 'store'
    write_tiny(folder, clip_030='?')
    with pytest.raises(TooManyBadClips):
        convert(TinySource(folder), store)
    for name, content in dict(clip_010='1 1', clip_012='0 4', clip_030='0 1').items():
        (folder / f'{name}.txt').write_text(content)
    report = convert(TinySource(folder), store)
    assert (report.taken_up, report.forgotten) == (10, 29)
    convert(TinySource(folder), tmp_path / 'whole', processes=1)
    assert contents(store) == contents(tmp_path / 'whole')


def test_the_time_of_a_file_is_not_in_the_store(folder, tmp_path, reference):
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    convert(TinySource(folder), tmp_path / 'store')
    assert contents(tmp_path / 'store') == reference


def full_disk(source, store, overwrite):
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    try:
        convert(source, store, overwrite=overwrite)
    except OSError as error:
        store.with_name('message').write_text(error.strerror)
        os._exit(3)


def test_a_disk_that_refuses_is_a_sentence_and_changes_nothing(folder, tmp_path, reference):
    store = tmp_path / 'reference'
    # A limit of the size of files is told as a full disk is, and needs no disk.
    assert Running(full_disk, TinySource(folder), store, True).join() == 3
    message = (tmp_path / 'message').read_text()
    assert 'reference is as it was before' in message and 'the same command goes on' in message
    assert contents(store) == reference
    report = convert(TinySource(folder), store, overwrite=True)
    assert 0 < report.taken_up < 40 and contents(store) == reference


def test_precision_and_options_are_recorded(folder, tmp_path):
    convert(TinySource(folder), tmp_path / 'half', dtype='float16')
    store = SkeletonStore(tmp_path / 'half')
    assert store.keypoint(0).dtype == np.float16 and store.meta['dtype'] == 'float16'
    with pytest.raises(ValueError, match='dtype'):
        convert(TinySource(folder), tmp_path / 'double', dtype='float64')


def test_a_source_with_nothing_usable_makes_no_store(tmp_path):
    folder = write_tiny(tmp_path / 'raw', clips=0, only='?')
    with pytest.raises(ValueError, match='not one usable clip'):
        convert(TinySource(folder), tmp_path / 'store', tolerate=5)
    assert not (tmp_path / 'store').exists()
