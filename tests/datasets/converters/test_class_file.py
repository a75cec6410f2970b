import pytest

from cocodiff_mm.datasets.converters.class_file import read_classes


def test_a_name_a_line(tmp_path):
    (tmp_path / 'names.txt').write_text('drink water\n  wave \r\ntrinken für zwei\n', 'utf-8')
    assert read_classes(tmp_path / 'names.txt') == ['drink water', 'wave', 'trinken für zwei']


@pytest.mark.parametrize('content, message', [
    (b'', 'a line is empty'),
    (b'a\n\nb', 'a line is empty'),
    (b'a\nb\na', "'a' is there twice"),
    (b'\xff\xfe', 'no text in UTF-8'),
])
def test_other_files_are_a_sentence(tmp_path, content, message):
    (tmp_path / 'names.txt').write_bytes(content)
    with pytest.raises(ValueError, match=f'names.txt.*{message}'):
        read_classes(tmp_path / 'names.txt')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='names.txt.*one a line'):
        read_classes(tmp_path / 'names.txt')
