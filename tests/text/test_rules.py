import re
from dataclasses import replace

import pytest

from cocodiff_mm.text.class_text import PARTS, ClassText, JointText
from cocodiff_mm.text.rules import WORDS, class_problems, find_problems


def entry(label, **changes):
    return replace(ClassText(
        label, tuple(f'{label}ing, wording {i}' for i in range(5)),
        tuple(f'Version {i} of how to {label} at home.' for i in range(3)),
        tuple(f'the {part} moves' for part in PARTS),
        JointText(('wrist', ), 'The body stays where it is.', 'The wrist moves about it.')),
        **changes)


def swapped(texts, index, text):
    return (*texts[:index], text, *texts[index + 1:])


def messages(problems):
    return [str(problem) for problem in problems]


def test_good_texts_have_no_problem():
    assert find_problems([entry('throw'), entry('sit down'), entry('throw up a hat')]) == []


@pytest.mark.parametrize('count, field, message', [
    (4, 'synonyms', '4 texts, expected at least 5'),
    (2, 'descriptions', '2 texts, expected at least 3')])
def test_too_few_texts(count, field, message):
    whole = entry('throw')
    short = replace(whole, **{field: getattr(whole, field)[:count]})
    assert messages(class_problems(short, ['throw'])) == [
        f"class 'throw': {field}: {message}; write more"]


@pytest.mark.parametrize('text, message', [
    ('', 'empty'),
    ('two  spaces', 'spaces or line breaks to spare'),
    ('a\nbreak', 'spaces or line breaks to spare'),
    (' '.join(['word'] * 13), 'has 13 words; expected 1 to 12'),
    ('As an AI language model I cannot', "leftover of a prompt or an answer, 'As an AI'"),
    ('Here are five synonyms', "'Here are'"),
    ('- hurling a ball', "leftover of a prompt or an answer, '-'"),
    ('1. hurling a ball', "'1.'"),
    ('Synonym: hurling', "'Synonym:'"),
    ('"hurling"', "leftover of a prompt or an answer, '\"hurling\"'"),
    ('**hurling**', r"'\*\*'"),
    ('to {label} it', "'{'"),
    ('then sit-down', "names another class, 'sit down'"),
    ('SIT DOWN with force', "names another class, 'sit down'")])
def test_what_a_synonym_may_not_be(text, message):
    broken = entry('throw', synonyms=swapped(entry('throw').synonyms, 2, text))
    found = messages(class_problems(broken, ['throw', 'sit down']))
    assert len(found) == 1 and found[0].startswith("class 'throw': synonyms[2]: ")
    assert re.search(message, found[0]), found


@pytest.mark.parametrize('text', [
    'hands of a clock: hurling', 'a well-aimed pitch', "somebody else's throw", 'sit downs',
    'certainly not a pass', 'partly hurling', '3-point shot'])
def test_what_a_synonym_may_be(text):
    good = entry('throw', synonyms=swapped(entry('throw').synonyms, 2, text))
    assert class_problems(good, ['throw', 'sit down']) == []


def test_parts_and_joints_keep_the_rules_too():
    parts = swapped(entry('throw').parts, 4, 'then sit down')
    joints = replace(entry('throw').joints, local_text='Here are the joints that do move.')
    found = messages(class_problems(entry('throw', parts=parts, joints=joints),
                                    ['throw', 'sit down']))
    assert [line.split(': ')[1] for line in found] == ['parts.hips', 'joints.local_text']


def test_a_label_may_be_part_of_another():
    classes = [entry('throw'), entry('throw up a hat')]
    assert find_problems(classes) == []  # its texts say 'throw' throughout
    longer = entry('throw', synonyms=swapped(classes[0].synonyms, 0, 'throw up a hat, too'))
    assert len(find_problems([longer, classes[1]])) == 1


def test_a_text_is_used_once():
    first, second = entry('throw'), entry('wave')
    second = replace(second, synonyms=swapped(second.synonyms, 0, 'Throwing,  wording 3'))
    second = replace(second, descriptions=swapped(
        second.descriptions, 1, second.descriptions[0].replace('at home', 'AT-home')))
    found = messages(find_problems([first, second]))
    assert any("synonyms[0]: 'Throwing,  wording 3' is also synonyms[3] of class 'throw'" in line
               for line in found)
    assert any("is also descriptions[0] of class 'wave'" in line for line in found)


def test_labels_differ_and_are_no_synonym():
    found = messages(find_problems([entry('throw'), entry('sit'), entry('Throw')]))
    assert any("label: equals that of class 0, 'throw'" in line for line in found)
    itself = entry('throw', synonyms=swapped(entry('throw').synonyms, 0, 'Throw'))
    assert messages(find_problems([itself])) == [
        "class 'throw': synonyms[0]: 'Throw' is also label of class 'throw'; "
        'write a text that is used once']


@pytest.mark.parametrize('field', ['parts', 'joints'])
def test_parts_and_joints_are_in_all_classes_or_in_none(field):
    without = entry('throw', **{field: None})
    found = find_problems([without, entry('wave')])
    assert [(problem.label, problem.field) for problem in found] == [('throw', field)]
    assert find_problems([without, entry('wave', **{field: None})]) == []


def test_bounds_leave_room_in_clip():
    assert max(most for _, most in WORDS.values()) <= 50
