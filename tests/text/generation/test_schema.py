import json

import pytest
from chat_server import good_texts

from cocodiff_mm.text.class_text import PARTS, ClassText, JointText
from cocodiff_mm.text.generation.prompts import KINDS
from cocodiff_mm.text.generation.schema import SCHEMAS, BadAnswer, class_fields, read_answer


def reasons(kind, answer):
    with pytest.raises(BadAnswer) as error:
        read_answer(kind, answer if isinstance(answer, str) else json.dumps(answer))
    return error.value.reasons


def test_good_answers_are_texts_of_a_class():
    fields = {}
    for kind in KINDS:
        fields.update(class_fields(kind, read_answer(kind, json.dumps(good_texts('sit', kind)))))
    text = ClassText('sit', **fields)
    assert text.synonyms[0] == 'performing sit' and len(text.descriptions) == 3
    assert text.parts[PARTS.index('hips')] == 'level above the heels'
    assert text.joints.names == ('wrist', 'elbow') and isinstance(text.joints, JointText)


@pytest.mark.parametrize('kind, changes, reason', [
    ('parts', dict(hips=' '), "the answer: parts: 'hips' is empty; write a text"),
    ('joints', dict(names=[]), 'names are []; expected 1 to 6 different ones of head, neck'),
    ('joints', dict(names=['knee', 'knee']), "names are ['knee', 'knee']; expected 1 to 6 diff"),
    ('joints', dict(local_text=''), "the answer: joints: 'local_text' is empty")])
def test_what_a_corpus_could_not_hold(kind, changes, reason):
    answer = read_answer(kind, json.dumps({**good_texts('sit', kind), **changes}))
    with pytest.raises(BadAnswer) as error:
        class_fields(kind, answer)
    assert len(error.value.reasons) == 1 and reason in error.value.reasons[0]


def test_texts_are_trimmed_and_else_kept():
    assert read_answer('coarse', '\n{"synonyms": [" To  sit\\n", "A-B."]} ') == dict(
        synonyms=['To  sit', 'A-B.'])


@pytest.mark.parametrize('content', [
    '```json\n{}\n```', ' ```\n{}\n```\n', '```json{}```'])
def test_a_fence_around_an_answer_is_taken_off(content):
    texts = good_texts('sit', 'parts')
    assert read_answer('parts', content.replace('{}', json.dumps(texts))) == texts


def test_the_order_is_that_of_the_schema():
    parts = good_texts('sit', 'parts')
    answer = read_answer('parts', json.dumps(dict(reversed(parts.items()))))
    assert list(answer.items()) == list(parts.items())


@pytest.mark.parametrize('content, reason', [
    ('', 'the answer is empty'), (' \n', 'the answer is empty'),
    ('{"synonyms": ["a",', 'not valid JSON at line 1, column 19'),
    ('```json\n{}\n```', "the answer lacks 'synonyms'"), ('```\n```', 'the answer is empty'),
    ('```', 'not valid JSON at line 1, column 1'),
    ('``````json\n{}\n``````', 'not valid JSON at line 1, column 1'),
    ('[' * 100_000, 'not JSON that can be read'),
    ('1' * 10_000, 'not JSON that can be read'),
    ('["a"]', 'the answer is ["a"], expected a JSON object'),
    ('{}', "the answer lacks 'synonyms'"),
    ('{"synonyms": null}', 'synonyms is null, expected a JSON array'),
    ('{"synonyms": ["a", 2]}', 'synonyms[1] is 2, expected a JSON string'),
    ('{"synonyms": ["\\ud83d"]}', 'synonyms[0] holds half a character')])
def test_what_is_not_of_the_form(content, reason):
    [found] = reasons('coarse', content)
    assert found.startswith(reason)


def test_all_that_is_wrong_is_told_at_once():
    answer = dict(good_texts('sit', 'joints'), names=['tail', 'knee', 7], note='x')
    del answer['local_text']
    found = reasons('joints', answer)
    assert len(found) == 4
    assert found[0] == "the answer lacks 'local_text'"
    assert found[1] == "the answer has 'note', which nobody asked for"
    assert found[2].startswith("names[0] is 'tail', expected one of: head, neck, shoulder")
    assert found[3] == 'names[2] is 7, expected a JSON string'


def test_schemas_are_what_a_strict_mode_takes():
    """Strict modes want every property required, no others, and few keywords."""
    def check(schema):
        assert set(schema) <= {'type', 'properties', 'required', 'additionalProperties', 'items',
                               'enum'}
        if schema['type'] == 'object':
            assert schema['required'] == list(schema['properties'])
            assert schema['additionalProperties'] is False
        for below in [*schema.get('properties', {}).values(), *filter(None, [
                schema.get('items')])]:
            check(below)

    for schema in SCHEMAS.values():
        check(json.loads(json.dumps(schema)))
