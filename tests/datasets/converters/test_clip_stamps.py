import os
import pickle

import numpy as np
from test_ctrgcn_npz import padded, persons
from test_ctrgcn_npz import write as write_npz
from test_kinetics_hrnet import annotation
from test_kinetics_hrnet import write as write_hrnet
from tiny_source import TinySource, write_tiny

from cocodiff_mm.datasets.converters.clip_stamps import clip_stamps
from cocodiff_mm.datasets.converters.ctrgcn_npz import CTRGCNSource
from cocodiff_mm.datasets.converters.kinetics_hrnet import KineticsHRNetSource
from cocodiff_mm.datasets.converters.pyskl_pickle import PickleSource


def stamps(source):
    return clip_stamps(source, source.items())


def changed(source, file):
    """Clips whose stamps change with the time of a file."""
    before = stamps(source)
    assert stamps(source) == before
    os.utime(file, ns=(5, 5))
    return [name for name, stamp in stamps(source).items() if stamp != before[name]]


def test_a_stamp_follows_the_clips_own_file(tmp_path):
    source = TinySource(write_tiny(tmp_path, clips=4))
    before, file = stamps(source), tmp_path / 'clip_001.txt'
    assert len(set(before.values())) == 4 and changed(source, file) == ['clip_001']
    now = stamps(source)
    file.write_text('0 1234')
    os.utime(file, ns=(5, 5))  # same time, other size
    assert stamps(source)['clip_001'] not in (now['clip_001'], before['clip_001'])


def test_a_handle_is_part_of_the_stamp_and_its_file_may_be_gone(tmp_path):
    source = TinySource(tmp_path)
    gone = str(tmp_path / 'gone')
    handles = (gone, 0), (gone, 1), ('\0', 1), None, '', '\udcff'
    assert len(set(clip_stamps(source, list(zip('abcdef', handles, strict=True))).values())) == 6


def test_one_file_of_all_clips(tmp_path):
    row = padded(*persons(1, 4))
    npz = write_npz(tmp_path / 'NTU60_CS.npz', [row, row], [row])
    assert changed(CTRGCNSource(npz), npz) == ['train_000000', 'train_000001', 'test_000000']
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps([
        dict(frame_dir=name, label=0, keypoint=np.ones((1, 2, 25, 3))) for name in 'ab']))
    assert changed(PickleSource(tmp_path / 'a.pkl'), tmp_path / 'a.pkl') == ['a', 'b']


def test_a_table_and_files_of_poses(tmp_path):
    table, folder = write_hrnet(tmp_path, annotation('a'), annotation('b', raw_file='other.pkl'))
    source = KineticsHRNetSource(table, folder)
    assert changed(source, folder / 'part_0.pkl') == ['a']
    assert sorted(changed(source, table)) == ['a', 'b']
