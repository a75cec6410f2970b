import dataclasses
import fcntl
import resource

import pytest

from cocodiff_mm.text.generation.journal import (
    Journal,
    journal_header,
    kept_records,
    partial_path,
)
from cocodiff_mm.text.generation.prompts import load_prompts

RECORDS = [dict(label='wave', kind='coarse', answer=dict(synonyms=['grüßen']), model='m-1'),
           dict(label='wave', kind='fine', answer=dict(descriptions=['b']), model='m-1')]


def header(labels=('wave', 'sit'), language='en', prompts=None):
    return journal_header(labels, prompts or load_prompts(), language)


@pytest.fixture
def path(tmp_path):
    return partial_path(tmp_path / 'folder' / 'corpus.json')


def write(path, records=RECORDS):
    journal = Journal(path, header())
    for record in records:
        journal.append(record)
    journal.close()


def test_what_was_appended_is_there_at_once_and_again(path):
    journal = Journal(path, header())
    assert journal.records == [] and path.name == 'corpus.json.partial'
    for number, record in enumerate(RECORDS, 1):
        journal.append(record)
        assert kept_records(path, header()) == RECORDS[:number]
    journal.close()
    again = Journal(path, header())
    assert again.records == RECORDS
    again.remove()
    assert not path.exists()


def test_a_line_that_was_cut_off_is_forgotten(path):
    write(path)
    data = path.read_bytes()
    end = data[:-1].rfind(b'\n') + 1
    for cut in (end + 1, len(data) - 8, len(data) - 1):
        path.write_bytes(data[:cut])
        assert kept_records(path, header()) == RECORDS[:1] and path.stat().st_size == cut
        journal = Journal(path, header())
        assert journal.records == RECORDS[:1]
        journal.append(RECORDS[1])
        journal.close()
        assert path.read_bytes() == data


def test_cut_off_within_the_header(path):
    write(path)
    data = path.read_bytes()
    for cut in (0, 1, data.find(b'\n')):
        path.write_bytes(data[:cut])
        assert kept_records(path, header()) == []
        write(path)
        assert path.read_bytes() == data


def test_without_an_answer_nothing_stays_and_nothing_binds(path):
    write(path, [])
    assert not path.exists()
    write(path)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])  # killed before an answer
    other = header(language='de')
    journal = Journal(path, other)
    journal.append(RECORDS[0])
    journal.close()
    assert kept_records(path, other) == RECORDS[:1]


def test_answers_of_another_run_are_refused_and_kept(path):
    write(path)
    data = path.read_bytes()
    prompts = load_prompts()
    prompts['fine'] = dataclasses.replace(prompts['fine'], text='Describe {label} of {labels}')
    for other, named in ((header(labels=('sit', 'wave')), 'labels'),
                         (header(language='de'), 'language'),
                         (header(prompts=prompts), 'prompts')):
        for look in (Journal, kept_records):
            with pytest.raises(ValueError) as error:
                look(path, other)
            assert str(error.value) == (
                f'{path} holds answers of a run with other {named}; give another --out, or delete '
                'that file to begin anew')
    assert path.read_bytes() == data


@pytest.mark.parametrize('content', ['my notes', 'my notes\n', '[1]\n', '{"a": 1}\n', '\n',
                                     '\udcff\n'])
def test_a_file_of_someone_else_is_left_alone(path, content):
    path.parent.mkdir()
    data = content.encode(errors='surrogateescape')
    path.write_bytes(data)
    with pytest.raises(ValueError, match='is no partial work of this tool; move it'):
        Journal(path, header())
    assert path.read_bytes() == data


def test_a_broken_line_in_between(path):
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"label"\n' + lines[2])
    with pytest.raises(ValueError, match='line 2 is broken; delete that line, or the file'):
        Journal(path, header())


def test_two_runs_do_not_write_one_file(path):
    first = Journal(path, header())
    first.append(RECORDS[0])
    with pytest.raises(ValueError, match='another process is writing'):
        Journal(path, header())
    first.close()
    assert kept_records(path, header()) == RECORDS[:1]


def test_a_file_that_its_last_user_has_just_removed_is_made_anew(path, monkeypatch):
    last, locks = Journal(path, header()), []

    def flock(file, how):
        if not locks:
            last.remove()
        locks.append(how)
        real(file, how)

    real = fcntl.flock
    monkeypatch.setattr(fcntl, 'flock', flock)
    journal = Journal(path, header())
    journal.append(RECORDS[0])
    journal.close()
    assert len(locks) == 2 and kept_records(path, header()) == RECORDS[:1]


def test_places_that_can_not_be_written(tmp_path):
    (tmp_path / 'file').touch()
    for path in (tmp_path / 'file' / 'a.partial', tmp_path):
        with pytest.raises(ValueError, match='can not be written .*; give another --out'):
            Journal(path, header())


def test_a_full_disk_is_a_sentence(path):
    write(path, RECORDS[:1])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = Journal(path, header())
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 9, limits[1]))
    try:
        with pytest.raises(ValueError, match='can not be written .*; make room and give the same'):
            journal.append(RECORDS[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()
    write(path, RECORDS[1:])
    assert kept_records(path, header()) == RECORDS
