import dataclasses
import json
import re

import pytest

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.text.bank import ASSETS
from cocodiff_mm.text.corpus import Corpus, read_labels

SETS = ['ntu120', 'kinetics400', 'nwucla', 'sbu', 'utd_mhad', 'synthetic']
PARTS = ('head', 'hands', 'arms', 'torso', 'hips', 'legs', 'feet')


def example() -> dict:
    return {
        'label_set': 'toy',
        'language': 'en',
        'provenance': {
            'writer': 'a person', 'date': '2026-01-01', 'licence': 'Apache-2.0',
            'prompts': {'coarse': {'id': 'coarse-9', 'text': 'name it'}}},
        'classes': [
            {'label': label,
             'synonyms': [f'{label}ing, wording {i}' for i in range(5)],
             'descriptions': [f'Version {i} of how to {label} at home.' for i in range(3)],
             'parts': {part: f'the {part} moves' for part in PARTS},
             'joints': {'names': ['wrist', 'elbow'],
                        'global_text': 'The body stays where it is.',
                        'local_text': 'The wrist moves about the elbow.'}}
            for label in ('throw', 'sit down', 'throw up a hat')],
    }


def write(tmp_path, raw) -> str:
    path = tmp_path / 'toy.json'
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw), encoding='utf-8')
    return str(path)


@pytest.fixture(scope='module', params=SETS)
def shipped(request):
    return Corpus.load(ASSETS / f'{request.param}.json')


def test_shipped_corpus_follows_the_dataset_and_the_full_schema(shipped):
    assert tuple(shipped.labels) == CLASSES[shipped.label_set]
    for entry in shipped.classes:
        assert entry.parts is not None and entry.joints is not None, entry.label
    assert json.loads((ASSETS / f'{shipped.label_set}.json').read_bytes())['sha256'] == (
        shipped.sha256)


def test_shipped_texts_keep_their_lengths_and_look(shipped):
    lengths = {'synonyms': (1, 10), 'descriptions': (15, 45), 'parts': (2, 14),
               'joints': (10, 35)}
    for entry in shipped.classes:
        for field, text in entry.texts():
            kind = re.split(r'[.\[]', field)[0]
            least, most = lengths[kind]
            assert least <= len(text.split()) <= most, (entry.label, field, text)
            assert text == ' '.join(text.split()) and text.isascii(), (entry.label, text)
            if kind in ('descriptions', 'joints'):
                sentences = len(re.findall(r'[.!?](?:\s|$)', text))
                assert 1 <= sentences <= (2 if kind == 'descriptions' else 1), (entry.label, text)
                assert text[0].isupper() and text.endswith('.'), (entry.label, text)


def test_shipped_texts_are_no_filled_template(shipped):
    openings = [' '.join(text.split()[:6]).casefold()
                for entry in shipped.classes for text in entry.descriptions]
    assert len(set(openings)) > 0.95 * len(openings)
    for field in ('parts', 'joints'):
        assert len({getattr(entry, field) for entry in shipped.classes}) == len(shipped.classes)


def test_shipped_provenance_is_complete_and_the_same():
    first, *others = (Corpus.load(ASSETS / f'{name}.json').provenance for name in SETS)
    assert all(other == first for other in others)
    assert first.licence == 'Apache-2.0'
    assert list(first.prompts) == ['coarse', 'fine', 'parts', 'joints']
    for kind, prompt in first.prompts.items():
        assert prompt.id == f'{kind}-1'
        assert '{label}' in prompt.text and '{labels}' in prompt.text


@pytest.mark.parametrize('name, label', [
    ('ntu120', 'hugging other person'), ('ntu120', 'walking apart from each other'),
    ('sbu', 'approaching'), ('sbu', 'punching'), ('synthetic', 'push another person')])
def test_two_person_descriptions_speak_of_both(name, label):
    corpus = Corpus.load(ASSETS / f'{name}.json')
    for text in corpus.classes[corpus.labels.index(label)].descriptions:
        assert re.search(r'\b(other|others|both|two|second|each|another|partner|opponent)\b',
                         text.lower()), text


@pytest.mark.parametrize('name, label, words, other', [
    ('ntu120', 'reading', 'book|pages?', 'writing'),
    ('ntu120', 'writing', 'pen', 'reading'),
    ('ntu120', 'sit down', 'down', 'stand up'),
    ('ntu120', 'stand up', 'up', 'sit down'),
    ('ntu120', 'take off a shoe', 'off', 'put on a shoe'),
    ('ntu120', 'take off a hat or cap', 'off', 'put on a hat or cap'),
    ('ntu120', 'put on a hat or cap', 'onto', 'take off a hat or cap'),
    ('ntu120', 'take something out of a bag', 'out', 'put something into a bag'),
    ('ntu120', 'point finger at other person', 'finger', 'giving object to other person'),
    ('ntu120', 'giving object to other person', 'giver|receiver', 'point finger at other person'),
    ('nwucla', 'pick up with one hand', 'only|single', 'pick up with two hands'),
    ('nwucla', 'pick up with two hands', 'both', 'pick up with one hand'),
    ('sbu', 'departing', 'off', 'approaching'),
    ('utd_mhad', 'right arm swipe to the right', 'outward', 'right arm swipe to the left'),
    ('kinetics400', 'triple jump', 'three|hop', 'long jump')])
def test_confusable_classes_differ_in_what_differs_in_the_motion(name, label, words, other):
    corpus = Corpus.load(ASSETS / f'{name}.json')
    own, foreign = (corpus.classes[corpus.labels.index(one)].descriptions
                    for one in (label, other))
    pattern = re.compile(rf'\b(?:{words})\b', re.IGNORECASE)
    assert sum(bool(pattern.search(text)) for text in own) >= 2
    assert not any(pattern.search(text) for text in foreign)


def test_content_decides_the_hash(tmp_path):
    raw = example()
    first = Corpus.load(write(tmp_path, raw))
    again = Corpus.load(write(tmp_path, json.dumps(raw, indent=7, sort_keys=True)))
    raw['classes'][0]['synonyms'][0] += '!'
    changed = Corpus.load(write(tmp_path, raw))
    assert first == again and first.sha256 == again.sha256
    assert changed.sha256 != first.sha256


def test_round_trip_gives_the_same_corpus_and_bytes(tmp_path):
    corpus = Corpus.load(write(tmp_path, example()))
    path = tmp_path / 'new' / 'toy.json'
    corpus.save(path)
    first = path.read_bytes()
    assert Corpus.load(path) == corpus
    Corpus.load(path).save(path)
    assert path.read_bytes() == first
    assert list(path.parent.iterdir()) == [path]
    assert json.loads(first)['classes'] == example()['classes']


def test_a_file_that_changed_behind_its_hash_is_refused(tmp_path):
    path = tmp_path / 'toy.json'
    Corpus.load(write(tmp_path, example())).save(path)
    path.write_text(path.read_text().replace('The body stays', 'The body walks'))
    with pytest.raises(ValueError, match='"sha256" is .* delete the line "sha256"'):
        Corpus.load(path)
    path.write_text(re.sub(r' "sha256".*\n', '', path.read_text()))
    assert Corpus.load(path).classes[0].joints.global_text == 'The body walks where it is.'


def test_parts_and_joints_may_be_left_out_of_every_class(tmp_path):
    raw = example()
    for entry in raw['classes']:
        del entry['parts'], entry['joints']
    corpus = Corpus.load(write(tmp_path, raw))
    assert corpus.classes[0].parts is None and corpus.classes[0].joints is None
    corpus.save(tmp_path / 'again.json')
    assert Corpus.load(tmp_path / 'again.json') == corpus


def test_coarse_begins_with_the_label(tmp_path):
    entry = Corpus.load(write(tmp_path, example())).classes[1]
    assert entry.coarse == ('sit down', *entry.synonyms)


def test_select_takes_classes_in_the_order_asked_for(tmp_path):
    corpus = Corpus.load(write(tmp_path, example()))
    part = corpus.select(['throw up a hat', 'throw'])
    assert part.labels == ['throw up a hat', 'throw']
    assert part == dataclasses.replace(corpus, classes=(corpus.classes[2], corpus.classes[0]))
    with pytest.raises(ValueError, match=re.escape(
            "corpus 'toy' has no texts for 2 of 3 classes: ['jump', 'run']")):
        corpus.select(['throw', 'jump', 'run'])


def change(*path_and_value):
    *path, key, value = path_and_value

    def edit(raw):
        for step in path:
            raw = raw[step]
        if value is None:
            del raw[key]
        else:
            raw[key] = value
    return edit


@pytest.mark.parametrize('edit, words', [
    (change('classes', None), ["'classes' is missing"]),
    (change('classes', []), ['"classes" is empty']),
    (change('classes', 1, 'label', None), ['class 1', "'label' is missing"]),
    (change('classes', 1, 'label', ' '), ['class 1', "'label' is empty"]),
    (change('classes', 1, 'synonyms', None), ["class 1 ('sit down')", "'synonyms' is missing"]),
    (change('classes', 1, 'synonyms', 'a seat'), ["'synonyms' is a str", 'expected a list']),
    (change('classes', 1, 'synonyms', 3, 7), ["class 1 ('sit down')", 'synonyms[3] is 7']),
    (change('classes', 1, 'hint', 'x'), ["class 1 ('sit down')", "unknown keys ['hint']"]),
    (change('classes', 1, 'parts', 'hips', None), ["('sit down')", "parts: key 'hips' is missing"]),
    (change('classes', 1, 'parts', 'tail', 'wags'), ["parts: unknown keys ['tail']"]),
    (change('classes', 1, 'joints', 'names', ['tail']), ["names are ['tail']", 'of head, neck']),
    (change('classes', 1, 'joints', 'names', []), ['names are []', '1 to 6 different']),
    (change('classes', 1, 'joints', 'local_text', None), ["'local_text' is missing"]),
    (change('provenance', 'writer', None), ['provenance', "'writer' is missing"]),
    (change('provenance', 'prompts', 'coarse', 'id', None), ['prompts: coarse', "'id' is missing"]),
    (change('label_set', ''), ["'label_set' is empty"]),
    (change('lable_set', 'toy'), ["unknown keys ['lable_set']"]),
    (change('provenance', 'author', 'me'), ['provenance', "unknown keys ['author']"]),
    (change('provenance', 'date', 'yesterday'), ['"date" is \'yesterday\'; expected YYYY-MM-DD']),
    (change('classes', 1, 'synonyms', 3, 'a \ud83d'), ['synonyms[3] has half a character']),
    (change('provenance', 'licence', '\ud83d'), ["'licence' has half a character"]),
    (change('classes', 1, 'synonyms', 3, ''), ["class 'sit down': synonyms[3]: empty"]),
])
def test_a_broken_corpus_is_refused_with_file_class_and_field(tmp_path, edit, words):
    raw = example()
    edit(raw)
    path = write(tmp_path, raw)
    with pytest.raises(ValueError) as caught:
        Corpus.load(path)
    for word in [path, *words]:
        assert word in str(caught.value)


def test_several_broken_rules_are_counted_and_a_review_may_read_them(tmp_path):
    raw = example()
    raw['classes'][0]['synonyms'][0] = raw['classes'][1]['synonyms'][0] = 'sit  down'
    with pytest.raises(ValueError, match=r"class 'throw': synonyms\[0\].*and \d more; .*--review"):
        Corpus.load(write(tmp_path, raw))
    assert Corpus.load(write(tmp_path, raw), check=False).classes[0].synonyms[0] == 'sit  down'
    with pytest.raises(ValueError, match='"classes" is empty'):
        Corpus.load(write(tmp_path, {**raw, 'classes': []}), check=False)


def test_unreadable_files_are_refused(tmp_path):
    path = tmp_path / 'latin.json'
    path.write_bytes('{"label_set": "té"}'.encode('latin-1'))
    with pytest.raises(ValueError, match='not UTF-8 at byte'):
        Corpus.load(path)
    with pytest.raises(ValueError, match='not valid JSON at line 1'):
        Corpus.load(write(tmp_path, '{"label_set": '))
    with pytest.raises(ValueError, match='expected a JSON object'):
        Corpus.load(write(tmp_path, '[]'))
    with pytest.raises(FileNotFoundError, match='no corpus file at'):
        Corpus.load(tmp_path / 'none.json')


def test_the_corpus_of_the_guide_is_valid(tmp_path, repo_root):
    guide = (repo_root / 'docs' / 'text.md').read_text(encoding='utf-8')
    corpus = Corpus.load(write(tmp_path, re.search(r'```json\n(.*?)```', guide, re.S).group(1)))
    assert corpus.labels == ['sit down'] and corpus.provenance.prompts == {}


@pytest.mark.parametrize('content', [
    b'run\nsit down\n', b'run\nsit down', b'run\r\nsit down\r\n', b'\xef\xbb\xbfrun\n sit down \n'])
def test_labels_are_read_a_line_each(tmp_path, content):
    (tmp_path / 'labels.txt').write_bytes(content)
    assert read_labels(tmp_path / 'labels.txt') == ['run', 'sit down']


@pytest.mark.parametrize('content, message', [
    (b'', 'no labels; write one a line'), (b'\n', 'no labels; write one a line'),
    (b'run\n\nsit\n', 'line 2 is empty'), (b'run\nsit\nRun\n', "lines 1 and 3 are both 'Run'"),
    ('gehen\nlächeln\n'.encode('latin-1'), 'not UTF-8 at byte 7')])
def test_a_broken_label_list_is_refused(tmp_path, content, message):
    (tmp_path / 'labels.txt').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / 'labels.txt')
    with pytest.raises(FileNotFoundError, match='no label list file at'):
        read_labels(tmp_path / 'none.txt')
