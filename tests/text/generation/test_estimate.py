import json
from statistics import mean

import pytest

from cocodiff_mm.text.bank import ASSETS
from cocodiff_mm.text.corpus import Prompt
from cocodiff_mm.text.generation.estimate import ANSWER_CHARACTERS, estimate, estimate_table
from cocodiff_mm.text.generation.prompts import KINDS


def test_four_characters_a_token():
    prompts = {kind: Prompt(f'{kind}-1', '{labels}\n\n{label}') for kind in KINDS}
    labels = ['a' * 10, 'b' * 29]  # both and the line between: 40 characters
    questions = [(labels[0], 'coarse'), (labels[1], 'coarse'), (labels[0], 'fine')]
    assert estimate(questions, labels, prompts) == dict(
        coarse=(2, round((40 + 10 + 40 + 29) / 4), round(2 * 175 / 4)),
        fine=(1, 12, round(550 / 4)), parts=(0, 0, 0), joints=(0, 0, 0))


def test_the_table_adds_up():
    lines = estimate_table(dict(
        coarse=(120, 100_000, 5), fine=(60, 1_000_000, 7), parts=(0, 0, 0),
        joints=(1, 2, 3))).splitlines()
    assert lines[1].split() == ['coarse', '120', '100,000', '5']
    assert lines[5].split() == ['together', '181', '1,100,002', '15']
    assert len({len(line) for line in lines[:6]}) == 1
    assert '4 characters a token' in lines[6]


def test_answers_are_as_long_as_in_the_shipped_corpora():
    lengths = {kind: [] for kind in KINDS}
    for path in sorted(ASSETS.glob('*.json')):
        for entry in json.loads(path.read_text())['classes']:
            lengths['coarse'].append(len(json.dumps(dict(synonyms=entry['synonyms']))))
            lengths['fine'].append(len(json.dumps(dict(descriptions=entry['descriptions']))))
            for kind in ('parts', 'joints'):
                lengths[kind].append(len(json.dumps(entry[kind])))
    for kind in KINDS:
        assert ANSWER_CHARACTERS[kind] == pytest.approx(mean(lengths[kind]), rel=0.1)
