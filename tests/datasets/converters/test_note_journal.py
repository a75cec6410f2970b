from cocodiff_mm.datasets.converters.note_journal import NoteJournal


def test_notes_of_an_interrupted_run_are_taken_up(tmp_path):
    path = tmp_path / 'notes.jsonl'
    first = NoteJournal(path)
    first.add('a', ('2 frames mended', 'mirrored'))
    first.add('b', ['mirrored'])
    first.close()
    path.write_bytes(path.read_bytes()[:-3])  # killed while the last line was written
    second = NoteJournal(path)
    assert second.notes == dict(a=['2 frames mended', 'mirrored'])
    second.add('c', ['ö'])
    second.close()
    third = NoteJournal(path)
    assert third.notes == dict(a=['2 frames mended', 'mirrored'], c=['ö'])
    third.close()
