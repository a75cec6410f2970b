import os
import signal
from pathlib import Path

import numpy as np
import pytest
from tiny_source import TinySource, write_tiny

from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.converters.workers import WorkerDied, read_clips


def doubled(clip):
    if clip.name == 'clip_004':
        raise BadClip('clip_004: refused')
    return Clip(name=clip.name, keypoint=clip.keypoint * 2, label=clip.label)


class PidSource(TinySource):
    def read(self, name, handle):
        clip = super().read(name, handle)
        return Clip(name=f'{os.getpid()}', keypoint=clip.keypoint, label=0)


class LoneSource(PidSource):
    parallel = False


@pytest.fixture
def source(tmp_path):
    return TinySource(write_tiny(tmp_path / 'raw', 37, clip_011='?'))


@pytest.mark.parametrize('processes', [1, 2, 4])
def test_clips_come_in_order_prepared(source, processes):
    items = source.items()
    items[20] = (items[20][0], items[20][1] + '.gone')
    found = list(read_clips(source, items, processes, doubled))
    assert [(name, handle) for name, handle, _ in found] == items
    wrong = {name: clip for name, _, clip in found if isinstance(clip, str)}
    assert list(wrong) == ['clip_004', 'clip_011', 'clip_020']
    assert wrong['clip_004'] == 'clip_004: refused'
    assert wrong['clip_020'] == f'{items[20][1]} can not be read: No such file or directory'
    np.testing.assert_array_equal(
        found[7][2].keypoint, 2 * source.read(*items[7]).keypoint)


@pytest.mark.parametrize('kind, processes, several', [
    (PidSource, 3, True), (PidSource, 1, False), (LoneSource, 3, False)])
def test_processes_are_used_where_it_is_worth_it(source, kind, processes, several):
    source = kind(source.folder, 0.005)
    items = [item for item in source.items() if item[0] != 'clip_011']
    pids = {clip.name for _, _, clip in read_clips(source, items, processes)}
    assert (len(pids) > 1) == several and (str(os.getpid()) in pids) != several


def test_a_mistake_in_a_source_is_not_taken_for_a_bad_clip(source):
    with pytest.raises(TypeError):
        list(read_clips(source, [('a', None), ('b', None)], 2))


def test_stopping_early_leaves_no_process(source):
    clips = read_clips(PidSource(source.folder, 0.01), source.items(), 2)
    pid = int(next(clips)[2].name)
    clips.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_killed_process_ends_the_reading(source):
    clips = read_clips(PidSource(source.folder, 0.01), source.items(), 2)
    os.kill(int(next(clips)[2].name), signal.SIGKILL)
    with pytest.raises(WorkerDied, match='killed'):
        list(clips)


def test_results_do_not_pile_up(source, tmp_path):
    """Reading waits for the one who writes."""
    folder = write_tiny(tmp_path / 'more', 600)
    clips = read_clips(TouchSource(folder), TouchSource(folder).items(), 2)
    next(clips)
    read = len(list(folder.glob('*.read')))
    assert read <= 16 * (4 * 2 + 1)
    assert len(list(clips)) == 599


class TouchSource(TinySource):
    def read(self, name, handle):
        Path(handle).with_suffix('.read').touch()
        return super().read(name, handle)
