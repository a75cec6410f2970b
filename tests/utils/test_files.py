import pytest

from cocodiff_mm.utils.files import replace_file


def test_writes_whole(tmp_path):
    target = tmp_path / 'new' / 'a.txt'
    with replace_file(target) as temporary:
        temporary.write_text('whole')
        assert not target.exists()
    assert target.read_text() == 'whole'
    assert [p.name for p in target.parent.iterdir()] == ['a.txt']


def test_a_failure_keeps_the_earlier_file(tmp_path):
    target = tmp_path / 'a.txt'
    target.write_text('earlier')
    with pytest.raises(RuntimeError), replace_file(target) as temporary:
        temporary.write_text('hal')
        raise RuntimeError
    assert target.read_text() == 'earlier'
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']
