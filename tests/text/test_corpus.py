import json
import re

import pytest

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.text.bank import ASSETS
from cocodiff_mm.text.corpus import Corpus

SETS = ['ntu120', 'nwucla', 'sbu', 'synthetic']


def example() -> dict:
    return {
        'label_set': 'toy',
        'language': 'en',
        'provenance': {
            'writer': 'a person', 'date': '2026-01-01', 'licence': 'Apache-2.0',
            'prompts': {'coarse': 'name it', 'fine': 'describe it'}},
        'classes': [
            {'label': label,
             'synonyms': [f'{label}ing, wording {i}' for i in range(5)],
             'descriptions': [f'Version {i} of how to {label}.' for i in range(3)]}
            for label in ('throw', 'sit down', 'throw up a hat')],
    }


def write(tmp_path, raw) -> str:
    path = tmp_path / 'toy.json'
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw), encoding='utf-8')
    return str(path)


@pytest.mark.parametrize('name', SETS)
def test_shipped_corpus_follows_the_dataset(name):
    corpus = Corpus.load(ASSETS / f'{name}.json')
    assert corpus.label_set == name
    assert tuple(corpus.labels) == CLASSES[name]


@pytest.mark.parametrize('name', SETS)
def test_shipped_texts_keep_their_lengths(name):
    for entry in Corpus.load(ASSETS / f'{name}.json').classes:
        for text in entry.synonyms:
            assert 1 <= len(text.split()) <= 10, (entry.label, text)
        for text in entry.descriptions:
            assert 15 <= len(text.split()) <= 45, (entry.label, text)
            assert 1 <= len(re.findall(r'[.!?](?:\s|$)', text)) <= 2, (entry.label, text)
            assert text[0].isupper() and text.endswith('.'), (entry.label, text)
        for text in (*entry.synonyms, *entry.descriptions):
            assert text == ' '.join(text.split()) and text.isascii(), (entry.label, text)


def test_shipped_provenance_is_complete_and_the_same():
    first, *others = (Corpus.load(ASSETS / f'{name}.json').provenance for name in SETS)
    assert all(other == first for other in others)
    assert first['licence'] == 'Apache-2.0'
    for prompt in first['prompts'].values():
        assert '{label}' in prompt and '{labels}' in prompt


@pytest.mark.parametrize('name, label', [
    ('ntu120', 'hugging other person'), ('ntu120', 'walking apart from each other'),
    ('sbu', 'approaching'), ('sbu', 'punching'), ('synthetic', 'push another person')])
def test_two_person_descriptions_speak_of_both(name, label):
    corpus = Corpus.load(ASSETS / f'{name}.json')
    for text in corpus.classes[corpus.labels.index(label)].descriptions:
        assert re.search(r'\b(other|others|both|two|second|each|another|partner|opponent)\b',
                         text.lower()), text


def test_content_decides_the_hash(tmp_path):
    raw = example()
    first = Corpus.load(write(tmp_path, raw))
    again = Corpus.load(write(tmp_path, json.dumps(raw, indent=7, sort_keys=True)))
    raw['classes'][0]['synonyms'][0] += '!'
    changed = Corpus.load(write(tmp_path, raw))
    assert first == again and first.sha256 == again.sha256
    assert changed.sha256 != first.sha256


def test_coarse_begins_with_the_label(tmp_path):
    entry = Corpus.load(write(tmp_path, example())).classes[1]
    assert entry.coarse == ('sit down', *entry.synonyms)


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
    (change('classes', 1, 'synonyms', 3, ''), ["class 1 ('sit down')", 'synonyms[3] is empty']),
    (change('classes', 1, 'synonyms', 4, None), ["('sit down')", '4 synonyms', 'at least 5']),
    (change('classes', 1, 'descriptions', 0, None), ['2 descriptions', 'at least 3']),
    (change('classes', 1, 'label', 'Throw'), ["class 1 ('Throw')", 'label is that of class 0']),
    (change('classes', 1, 'descriptions', 0, 'Version 2  of how to THROW.'),
     ["class 1 ('sit down')", 'descriptions[0]', "descriptions[2] of class 0 ('throw')"]),
    (change('classes', 1, 'synonyms', 0, 'sit-down'), ['synonyms[0]', 'label of class 1']),
    (change('classes', 0, 'synonyms', 2, 'then sit down'),
     ["class 0 ('throw')", "synonyms[2] 'then sit down'", "names another class, 'sit down'"]),
    (change('provenance', 'writer', None), ['provenance', "'writer' is missing"]),
    (change('provenance', 'prompts', 'fine', None), ['prompts', "'fine' is missing"]),
    (change('label_set', ''), ["'label_set' is empty"]),
])
def test_a_broken_corpus_is_refused_with_file_class_and_field(tmp_path, edit, words):
    raw = example()
    edit(raw)
    path = write(tmp_path, raw)
    with pytest.raises(ValueError) as caught:
        Corpus.load(path)
    for word in [path, *words]:
        assert word in str(caught.value)


def test_a_class_may_use_a_word_its_own_label_holds(tmp_path):
    raw = example()
    raw['classes'][2]['synonyms'][0] = 'throw the hat high'
    assert Corpus.load(write(tmp_path, raw)).classes[2].synonyms[0] == 'throw the hat high'
    raw['classes'][1]['synonyms'][0] = 'throwing oneself on a chair'
    Corpus.load(write(tmp_path, raw))


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
