import dataclasses

import pytest
import torch
from angle_texts import angle_class, angle_corpus, read_angles

from cocodiff_mm.text.encoders import SentenceEncoder
from cocodiff_mm.text.review import embed, review

A = angle_class('reach', [10, 10, 10], [10, 10, 10, 10, 95])
B = angle_class('swing', [90, 90, 60], [90, 90, 90, 90, 90])
C = angle_class('kick', [250, 250, 250], [250, 250, 30, 250, 250])


def test_without_an_encoder_only_rules_are_looked_at():
    assert review(angle_corpus(A, B, C)) == '3 classes: 0 rules broken'
    broken = dataclasses.replace(B, synonyms=B.synonyms[:4], descriptions=('short', 'x' * 5, 'hm'))
    lines = review(angle_corpus(A, broken)).splitlines()
    assert lines[0] == '4 rules broken:' and lines[-1] == '2 classes: 4 rules broken'
    assert lines[1].startswith("  class 'swing at 90': synonyms: 4 texts")


def test_collisions_with_the_texts_of_both_sides_the_worst_first():
    # Centres of the others: reach 15.5 degrees (names 21.1, descriptions 10), swing 85.1.
    assert review(angle_corpus(A, B, C), read_angles) == """\
2 texts nearer to another class than to the rest of its own, by how much:
  1.734  'kick at 250': synonyms[2] -> 'reach at 10': descriptions[0] (-0.766 to its own, 0.968 \
to the other)
         30 degrees by kick, way 2
         At 10 degrees the arm of reach is held, form 0.
  0.898  'reach at 10': synonyms[4] -> 'swing at 90': descriptions[0] (0.087 to its own, 0.985 \
to the other)
         95 degrees by reach, way 4
         At 90 degrees the arm of swing is held, form 0.

3 classes: 0 rules broken, 2 collisions"""


def test_classes_whose_names_mean_another_class():
    d = angle_class('bow', [180, 180, 180], [260, 260, 260, 260, 260])
    text = review(angle_corpus(A, C, d), read_angles)
    assert text.startswith(
        '1 class with names nearer to the descriptions of another class, by how much:\n'
        "  0.811  'bow at 260': label -> 'kick at 250': descriptions[0] (0.174 to its own, 0.985 "
        'to the other)\n'
        '         bow at 260\n'
        '         At 250 degrees the arm of kick is held, form 0.\n')


def test_long_lists_are_cut():
    strays = [angle_class('abcdefgh'[i], [10 * i] * 3, [10 * i] * 4 + [10 * i + 8])
              for i in range(1, 8)]
    lines = review(angle_corpus(*strays), read_angles, most=2).splitlines()
    assert lines[0].startswith('6 texts nearer')  # all but that of the last class
    assert lines[7] == '  ... and 4 more' and len(lines) == 10
    assert lines[-1] == '7 classes: 0 rules broken, 6 collisions'
    broken = [dataclasses.replace(entry, descriptions=()) for entry in strays]
    assert review(angle_corpus(*broken), most=2).splitlines()[3] == '  ... and 5 more'


def test_classes_that_cannot_be_embedded_are_left_out():
    silent = dataclasses.replace(A, label='silent', descriptions=())
    empty = dataclasses.replace(A, label='empty', synonyms=('', *A.synonyms[1:]))
    text = review(angle_corpus(A, silent, empty, B, B, C), read_angles)
    assert ('4 classes left out of the search for collisions: an empty text, no descriptions, or a '
            'label that occurs twice') in text
    assert text.endswith(' rules broken, 1 collision')  # no class is there that A could run into


@pytest.mark.parametrize('classes, summary', [
    ((), '0 classes: 0 rules broken, 0 collisions'),
    ((A,), '1 class: 0 rules broken, 0 collisions')])
def test_nothing_to_collide_with(classes, summary):
    assert review(angle_corpus(*classes), read_angles) == summary


def test_embed_pads_ragged_classes():
    bank = embed([A, dataclasses.replace(B, descriptions=B.descriptions[:1])], read_angles)
    assert bank.fine_count.tolist() == [3, 1] and bank.coarse_count.tolist() == [6, 6]
    torch.testing.assert_close(bank.fine[1], torch.tensor([[0., 1], [0, 0], [0, 0]]))


def test_a_sentence_encoder_finds_a_text_of_another_class():
    drink = dataclasses.replace(
        A, label='drink', synonyms=('sip water', 'kick a ball with the foot'),
        descriptions=('A person lifts a cup to the mouth and swallows the water.',))
    kick = dataclasses.replace(
        A, label='kick', synonyms=('kick a football', 'foot strikes the ball'),
        descriptions=('A person swings one leg and kicks the ball away.',))
    text = review(angle_corpus(drink, kick), SentenceEncoder())
    assert "'drink': synonyms[1] -> 'kick': " in text
    assert text.endswith(', 1 collision')
