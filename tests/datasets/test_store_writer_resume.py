import errno
import multiprocessing
import os
import resource
import shutil
import signal
import time

import numpy as np
import pytest
from small_store import small_clips, small_info, small_splits, small_store

from cocodiff_mm.datasets import store_writer
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_writer import StoreWriter

SCORES = dict(scores=True)


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def write(path, overwrite=False, clips=None):
    """Write what is not there yet, as a conversion that is started again does."""
    with StoreWriter(path, small_info(**SCORES), overwrite) as writer:
        taken_up = len(writer.done)
        for clip in clips or small_clips(**SCORES):
            if clip.name not in writer.done:
                writer.add(clip)
        writer.finish(small_splits())
    return taken_up


def in_another_process(target, *arguments):
    process = multiprocessing.get_context('fork').Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def leftovers(path):
    return sorted(file.name for file in path.parent.iterdir() if file != path)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Files of a store that was written in one go."""
    return contents(small_store(tmp_path_factory.mktemp('whole') / 'store', **SCORES))


def test_nothing_is_left_beside_a_finished_store(tmp_path, whole):
    write(tmp_path / 'store')
    assert contents(tmp_path / 'store') == whole
    assert not leftovers(tmp_path / 'store')
    assert set(whole) == {'meta.json', 'clips.npy', 'names.npy', 'splits.npy', 'keypoint.npy',
                          'keypoint_score.npy'}


def test_taken_up_after_every_number_of_clips(tmp_path, whole):
    for number in range(8):
        path = tmp_path / str(number) / 'store'
        with StoreWriter(path, small_info(**SCORES)) as writer:
            for clip in small_clips(**SCORES)[:number]:
                writer.add(clip)
        assert not path.exists()
        assert write(path) == number
        assert contents(path) == whole


def test_killed_anywhere(tmp_path, whole):
    """Journal and arrays each end at some byte, and some bytes never reached the disk."""
    path, rng = tmp_path / 'store', np.random.default_rng(0)
    files = ('journal.jsonl', 'store/keypoint.npy', 'store/keypoint_score.npy')
    taken_up = set()
    for trial in range(160):
        with StoreWriter(path, small_info(**SCORES)) as writer:
            for clip in small_clips(**SCORES)[:int(rng.integers(9))]:
                writer.add(clip)
            partial = writer.partial
        for file in files:
            size = (partial / file).stat().st_size
            if rng.random() < 0.4:
                os.truncate(partial / file, int(rng.integers(size + 1)))
            if trial % 3 == 2 and size:  # a power cut: a hole of zeros
                with (partial / file).open('r+b') as opened:
                    opened.seek(int(rng.integers(size)))
                    opened.write(bytes(int(rng.integers(1, 300))))
        taken_up.add(write(path))
        assert contents(path) == whole, trial
        shutil.rmtree(path)
    assert taken_up == set(range(9))


def write_for_ever(path):
    with StoreWriter(path, small_info(**SCORES)) as writer:
        clips = small_clips(**SCORES)
        while True:
            for clip in clips:
                if clip.name not in writer.done:
                    writer.add(clip)
                time.sleep(0.002)


def test_killed_for_real(tmp_path, whole):
    path, rng = tmp_path / 'store', np.random.default_rng(0)
    for _ in range(8):
        process = multiprocessing.get_context('fork').Process(target=write_for_ever, args=[path])
        process.start()
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL and not path.exists()
        write(path)
        assert contents(path) == whole and not leftovers(path)
        shutil.rmtree(path)


def die(*args, **settings):
    os._exit(7)


def die_at(path, where, name):
    setattr(where, name, die)
    write(path)


@pytest.mark.parametrize('where, name', [
    (np, 'save'), (store_writer, 'write_json'), (store_writer, 'sha256_of'), (os, 'rename'),
    (store_writer, '_swap')])
def test_killed_while_finishing(tmp_path, whole, where, name):
    """A process that dies in the midst of finish() leaves all clips for the next one."""
    path = tmp_path / 'store'
    StoreWriter(path, small_info(**SCORES)).close()
    assert in_another_process(die_at, path, where, name) == 7
    assert not path.exists() and leftovers(path) == ['.store.partial']
    assert write(path) == 8
    assert contents(path) == whole and not leftovers(path)


def test_killed_after_the_store_is_in_place(tmp_path, whole):
    path = tmp_path / 'store'
    StoreWriter(path, small_info(**SCORES)).close()
    assert in_another_process(die_at, path, shutil, 'rmtree') == 7
    assert contents(path) == whole
    assert write(path, overwrite=True) == 0
    assert contents(path) == whole and not leftovers(path)


def test_an_earlier_store_stays_until_the_new_one_is_whole(tmp_path, whole):
    path = tmp_path / 'store'
    write(path, clips=small_clips(3, **SCORES))
    before = contents(path)
    with StoreWriter(path, small_info(**SCORES), overwrite=True) as writer:
        for clip in small_clips(**SCORES):
            writer.add(clip)
            assert contents(path) == before
        writer.finish(small_splits())
    assert contents(path) == whole and not leftovers(path)


def test_killed_between_the_two_steps_of_replacing(tmp_path, whole):
    path = tmp_path / 'store'
    write(path)
    path.rename(tmp_path / '.store.old')
    with pytest.raises(FileExistsError, match='is a store already'):
        StoreWriter(path, small_info(**SCORES))
    assert contents(path) == whole  # back in its place
    path.rename(tmp_path / '.store.old')
    write(path, overwrite=True)
    assert contents(path) == whole and not leftovers(path)


def test_a_store_that_can_not_be_put_in_place_leaves_the_earlier_one(tmp_path, whole, monkeypatch):
    path, rename = tmp_path / 'store', os.rename
    write(path)

    def refuse(source, target):
        if os.path.basename(source) == 'store' and str(target) == str(path):
            raise OSError(errno.EIO, 'Input/output error')
        rename(source, target)

    monkeypatch.setattr(os, 'rename', refuse)
    with pytest.raises(OSError, match='Input/output error while writing'):
        write(path, overwrite=True)
    assert contents(path) == whole
    monkeypatch.undo()
    assert write(path, overwrite=True) == 8


def write_on_a_full_disk(path, limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write(path, overwrite=True)
    except OSError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, ) * 2)
        (path.parent / 'error').write_text(str(error))


@pytest.mark.parametrize('limit, least', [(0, 0), (100, 0), (700, 1), (3000, 2)])
def test_a_full_disk_ends_in_a_sentence_and_keeps_the_earlier_store(tmp_path, whole, limit, least):
    """With a real limit on the size of files, at which writes come up short."""
    path = tmp_path / 'store'
    write(path, clips=small_clips(2, **SCORES))
    before = contents(path)
    assert in_another_process(write_on_a_full_disk, path, limit) == 0
    sentence = (tmp_path / 'error').read_text()
    assert f'File too large while writing {tmp_path}/.store.partial, after ' in sentence
    assert f'{path} is as it was before; once the disk takes more' in sentence
    assert contents(path) == before
    SkeletonStore(path).verify()
    taken_up = write(path, overwrite=True)  # there is room again
    assert least <= taken_up < 8
    assert contents(path) == whole


def test_what_failed_can_be_added_again_by_the_same_writer(tmp_path, whole, monkeypatch):
    path, clips, pwrite = tmp_path / 'store', small_clips(**SCORES), os.pwrite
    with StoreWriter(path, small_info(**SCORES)) as writer:
        for clip in clips[:4]:
            writer.add(clip)

        def refuse(fd, data, position):
            if len(data) > 50:
                return pwrite(fd, data[:50], position)
            raise OSError(errno.ENOSPC, 'No space left on device')

        monkeypatch.setattr(os, 'pwrite', refuse)
        with pytest.raises(OSError, match='No space left on device .* after 4 clips') as error:
            writer.add(clips[4])
        assert error.value.errno == errno.ENOSPC
        monkeypatch.undo()
        for clip in clips[4:]:
            writer.add(clip)
        writer.finish(small_splits())
    assert contents(path) == whole


def test_work_of_another_kind_is_not_taken_up(tmp_path, whole):
    path = tmp_path / 'store'
    with StoreWriter(path, small_info(dtype='float16', **SCORES)) as writer:
        writer.add(small_clips(**SCORES)[0])
        (writer.partial / 'notes').write_text('of the other')
    with StoreWriter(path, small_info(**SCORES)) as writer:
        assert not writer.done and not (writer.partial / 'notes').exists()
    write(path)
    assert contents(path) == whole


def write_as_well(path):
    try:
        StoreWriter(path, small_info(**SCORES))
    except FileExistsError as error:
        (path.parent / 'error').write_text(str(error))


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / 'store'
    with StoreWriter(path, small_info(**SCORES)) as writer:
        writer.add(small_clips(**SCORES)[0])
        assert in_another_process(write_as_well, path) == 0
    sentence = (tmp_path / 'error').read_text()
    assert sentence.startswith(f'another process is writing {path}; wait for it')
    with StoreWriter(path, small_info(**SCORES)) as writer:
        assert list(writer.done) == ['clip0']


def stamped(path, stamps):
    """What is taken up of an unfinished store of clips with some stamps."""
    with StoreWriter(path, small_info(**SCORES), stamps=stamps) as writer:
        return list(writer.done), writer.forgotten


def test_clips_are_taken_up_until_the_first_that_changed(tmp_path, whole):
    path, names = tmp_path / 'store', [clip.name for clip in small_clips(**SCORES)]
    stamps = {name: f'stamp {name}' for name in names}
    with StoreWriter(path, small_info(**SCORES), stamps=stamps) as writer:
        for clip in small_clips(**SCORES):
            writer.add(clip)
    assert stamped(path, stamps) == (names, 0)
    assert stamped(path, stamps | {names[5]: 'another'}) == (names[:5], 3)
    assert stamped(path, stamps) == (names[:5], 0)
    assert stamped(path, {name: stamps[name] for name in names if name != names[2]}) == (
        names[:2], 3)
    assert write(path) == 2  # stamps that nobody asks for do not matter
    assert contents(path) == whole  # nor are they in the store


def test_clips_without_a_stamp_are_not_taken_up_where_stamps_count(tmp_path):
    path = tmp_path / 'store'
    with StoreWriter(path, small_info(**SCORES)) as writer:
        writer.add(small_clips(**SCORES)[0])
    assert stamped(path, {}) == ([], 1)
