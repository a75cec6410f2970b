"""A source of little files, and what tests of conversions need."""

import multiprocessing
import os
import select
import signal
import time
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.source import BadClip, Source

LAYOUT = dict(num_node=3, inward=[[0, 1], [2, 1]], center=1)


class TinySource(Source):
    """One text file per clip, ``LABEL FRAMES``; joints are drawn from the clip's name."""

    def __init__(self, folder, seconds=0.0):
        self.folder, self.seconds = Path(folder), seconds
        self.info = StoreInfo(
            name='tiny', layout=LAYOUT, classes=('rest', 'wave'), coordinates=('x', 'y'),
            units='pixels', source='files of a test')

    def items(self):
        return [(file.stem.partition('+')[0], str(file))
                for file in sorted(self.folder.glob('*.txt'))]

    def read(self, name, handle):
        time.sleep(self.seconds)
        content = Path(handle).read_text()
        if content == 'kill':
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            label, frames = map(int, content.split())
        except ValueError as error:
            raise BadClip(f'{handle}: expected LABEL FRAMES, got {content!r}') from error
        rng = np.random.default_rng([ord(letter) for letter in name])
        return Clip(
            name=name, keypoint=rng.normal(size=(1 + label, frames, 3, 2)), label=label,
            subject=frames, notes=(f'{frames} frames mended', ) if frames % 3 == 0 else ())

    def splits(self, clips):
        return dict(train=[clip.name for clip in clips if clip.subject < 6],
                    val=[clip.name for clip in clips if clip.subject >= 6])

    def skipped(self):
        return {'known to be empty': ['nobody']}


def write_tiny(folder, clips=40, **content):
    """Files clip_000 ... of 1 to 10 frames; keyword arguments are files with other content."""
    folder.mkdir(exist_ok=True)
    for i in range(clips):
        (folder / f'clip_{i:03d}.txt').write_text(f'{i % 2} {1 + i % 10}')
    for name, text in content.items():
        (folder / f'{name}.txt').write_text(text)
    return folder


def contents(folder):
    """Every file of a folder, by name."""
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


class Running:
    """A function in a process group of its own; it and what it starts can be seen to end."""

    def __init__(self, function, *arguments):
        self.reader, writer = os.pipe()
        self.process = multiprocessing.get_context('fork').Process(
            target=_in_group, args=(function, *arguments))
        self.process.start()
        os.close(writer)  # from now on only the started processes hold it

    def signal(self, number, group=False):
        (os.killpg if group else os.kill)(self.process.pid, number)

    def join(self, seconds=20):
        """Exit code, once every process is gone."""
        self.process.join(seconds)
        ended, _, _ = select.select([self.reader], [], [], seconds)
        assert ended, 'a process is still there'
        os.close(self.reader)
        return self.process.exitcode


def _in_group(function, *arguments):
    os.setpgrp()
    function(*arguments)


def wait_for_clips(store, number, seconds=20):
    """Until an unfinished store has so many clips."""
    journal = store.with_name(f'.{store.name}.partial') / 'journal.jsonl'
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if journal.is_file() and journal.read_bytes().count(b'\n') >= number:
            return
        time.sleep(0.005)
    raise TimeoutError(f'{journal} does not grow')
