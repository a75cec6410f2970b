import json

import pytest
from chat_server import good_texts

from cocodiff_mm.text.generation.draft import Draft
from cocodiff_mm.text.generation.prompts import KINDS
from cocodiff_mm.text.generation.schema import BadAnswer

LABELS = ['sit down', 'wave hand']


def add(draft, label, kind, writer='m-1', **changes):
    return draft.add(label, kind, json.dumps({**good_texts(label, kind), **changes}), writer)


def refused(draft, label, kind, **changes):
    before = draft.missing()
    with pytest.raises(BadAnswer) as error:
        add(draft, label, kind, **changes)
    assert draft.missing() == before
    return error.value.reasons


def test_filled_answer_by_answer_in_any_order():
    draft = Draft(LABELS)
    assert draft.total == 8 and len(draft) == 0
    assert draft.missing() == [(label, kind) for label in LABELS for kind in KINDS]
    for kind in reversed(KINDS):
        for label in reversed(LABELS):
            assert add(draft, label, kind, f'm-{KINDS.index(kind) % 2}') == good_texts(label, kind)
    assert draft.missing() == [] and len(draft) == 8 and draft.writer == 'm-0, m-1'
    first, second = draft.classes()
    assert [first.label, second.label] == LABELS
    assert second.synonyms[0] == 'performing wave hand'
    assert second.parts[3] == 'leans forward a little'
    assert second.joints.names == ('wrist', 'elbow')


def test_rules_hold_for_the_field_that_was_asked_for_alone():
    draft = Draft(LABELS)
    [reason] = refused(draft, 'sit down', 'coarse', synonyms=['to take a seat'])
    assert '5' in reason and 'description' not in reason
    refused(draft, 'sit down', 'fine', descriptions=[])
    names = ['to wave hand at once', *good_texts('sit down', 'coarse')['synonyms']]
    [reason] = refused(draft, 'sit down', 'coarse', synonyms=names)
    assert reason.startswith('synonyms[0]') and "'wave hand'" in reason


def test_no_text_twice():
    draft = Draft(LABELS)
    own = good_texts('sit down', 'coarse')['synonyms']
    reasons = refused(draft, 'sit down', 'coarse', synonyms=[*own, own[0].upper()])
    assert any('is in this answer already' in reason for reason in reasons)
    add(draft, 'sit down', 'coarse', synonyms=['taking a seat', *own])
    others = good_texts('wave hand', 'coarse')['synonyms']
    [reason] = refused(draft, 'wave hand', 'coarse', synonyms=['Taking a-Seat', *others])
    assert reason == ("'Taking a-Seat' is a text of the class 'sit down' already; write another "
                      'text')
    reasons = refused(draft, 'wave hand', 'coarse', synonyms=['Wave-Hand', *others])
    assert "'Wave-Hand' is the label 'wave hand' already; write another text" in reasons


def test_answers_of_an_earlier_run_are_checked_again():
    kept = [dict(label='sit down', kind=kind, answer=good_texts('sit down', kind), model='m-1')
            for kind in KINDS]
    broken = dict(kept[0], answer=dict(synonyms=['one']))
    foreign = [dict(kept[0], label='kick'), dict(kept[0], kind='song'), {}]
    draft = Draft(LABELS)
    draft.take_up([*foreign, broken, *kept[1:]])
    assert draft.missing() == [('sit down', 'coarse'), *(('wave hand', kind) for kind in KINDS)]
    draft.take_up([kept[0], kept[0]])
    assert len(draft) == 4 and draft.writer == 'm-1'


@pytest.mark.parametrize('labels, said', [
    (['sit down', 'sit-down'], "'sit-down': label"),
    (['sit', 'one two three four five six seven eight nine ten eleven twelve thirteen'],
     "thirteen': label: .* 13 words")])
def test_labels_that_no_corpus_could_hold(labels, said):
    with pytest.raises(ValueError, match=f'{said}.*; change the label list before anything is'):
        Draft(labels)
