import json
import re

import pytest

from cocodiff_mm.text.class_text import JOINT_NAMES, PARTS
from cocodiff_mm.text.generation.prompts import KINDS, ask_again, first_messages, load_prompts
from cocodiff_mm.text.generation.schema import SCHEMAS

LABELS = ['sit down', 'wave {hand}']


def test_a_prompt_for_each_kind():
    prompts = load_prompts()
    assert [prompts[kind].id for kind in KINDS] == ['coarse-1', 'fine-1', 'parts-1', 'joints-1']
    for prompt in prompts.values():
        assert prompt.text.count('{labels}') == prompt.text.count('{label}') == 1
        assert prompt.text.isascii() and prompt.text == prompt.text.strip()


@pytest.mark.parametrize('kind', KINDS)
def test_a_prompt_asks_for_the_form_that_its_schema_has(kind):
    text = load_prompts()[kind].text
    form = json.loads(re.search(r'of this form: (\{.*\})$', text).group(1))
    properties = SCHEMAS[kind]['properties']
    assert list(form) == list(properties)
    for key, value in form.items():
        assert isinstance(value, list) == (properties[key]['type'] == 'array')


def test_prompts_name_the_parts_and_joints_there_are():
    prompts = load_prompts()
    assert f'each of {", ".join(PARTS[:-1])} and {PARTS[-1]}' in prompts['parts'].text
    assert f'exactly these: {", ".join(JOINT_NAMES)}.' in prompts['joints'].text


def test_the_labels_are_in_a_beginning_that_all_requests_share():
    messages = {(kind, label): first_messages(prompt, label, LABELS)
                for kind, prompt in load_prompts().items() for label in LABELS}
    assert len({conversation[0]['content'] for conversation in messages.values()}) == 1
    for (_, label), (system, user) in messages.items():
        assert (system['role'], user['role']) == ('system', 'user')
        assert system['content'].endswith('one a line:\nsit down\nwave {hand}')
        assert f'has the label "{label}"' in user['content']
        assert '{label' not in system['content'] + user['content'].replace(label, '')


def test_asking_again_keeps_the_conversation():
    first = first_messages(load_prompts()['coarse'], 'sit down', LABELS)
    second = ask_again(first, '{"synonyms": []}', ['too few', 'too short'])
    assert second[:2] == first and len(first) == 2
    assert second[2] == dict(role='assistant', content='{"synonyms": []}')
    assert second[3]['role'] == 'user' and '\n- too few\n- too short\n' in second[3]['content']
    assert [message['role'] for message in ask_again(first, '', ['empty'])] == [
        'system', 'user', 'user']
