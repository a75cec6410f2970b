import pickle

import pytest
from tiny_source import TinySource, write_tiny

from cocodiff_mm.datasets.converters.source import BadClip, Source


class Minimal(Source):
    def items(self):
        return []

    def read(self, name, handle):
        raise BadClip(f'{name} is bad')

    def splits(self, clips):
        return {}


def test_a_source_has_three_methods_to_write():
    assert Source.__abstractmethods__ == {'items', 'read', 'splits'}
    source = Minimal()
    assert source.parallel and source.skipped() == {} and source.remarks() == []


def test_a_bad_clip_is_told_from_other_processes():
    error = pickle.loads(pickle.dumps(pytest.raises(BadClip, Minimal().read, 'x', 0).value))
    assert isinstance(error, BadClip) and str(error) == 'x is bad'


def test_a_source_can_go_to_other_processes(tmp_path):
    source = TinySource(write_tiny(tmp_path / 'raw', 2))
    assert pickle.loads(pickle.dumps(source)).items() == source.items()
