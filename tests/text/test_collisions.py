import numpy as np
import pytest
import torch
import torch.nn.functional as F
from angle_texts import angle_bank, angle_class, random_bank

from cocodiff_mm.text.collisions import TextRef, sanity, stray_texts, worst_pairs


def cos(degrees):
    return np.cos(np.radians(degrees))


def test_sanity_of_classes():
    # By its names b points to 40 degrees: 40 from the descriptions of a, 50 from its own.
    found = sanity(angle_bank(a=([-5, 5], [5]), b=([90], [30, 40, 50]), c=([180, 200], [170])))
    taken, = found.taken
    assert (taken.name, taken.near) == (TextRef(1, 'coarse', 0), TextRef(0, 'fine', 1))
    assert taken.own == pytest.approx(cos(50), abs=1e-6)
    assert taken.other == pytest.approx(cos(40), abs=1e-6)
    assert found.classes == 3 and found.right == 2 and found.fraction == pytest.approx(2 / 3)


def test_sanity_of_single_texts():
    found = sanity(angle_bank(a=([0, 10], [0, 5, 80]), b=([90, 30, 120], [90])))
    # Names go by the mean descriptions, 5 and 80 degrees: the last of a is lost. Descriptions go
    # by the mean names, about 26 and 90 degrees: the second of b is lost.
    assert (found.coarse_right, found.coarse_texts) == (3, 4)
    assert (found.fine_right, found.fine_texts) == (4, 5)
    assert not found.taken
    assert str(found) == (
        '2 of 2 classes (100.0%) find their own descriptions by their names; of single texts, 3 '
        'of 4 names (75.0%) and 4 of 5 descriptions (80.0%)')


def test_a_tie_counts_as_taken_and_the_worst_comes_first():
    found = sanity(angle_bank(a=([0], [0]), b=([0], [0]), c=([90], [20])))
    assert [one.name.label for one in found.taken] == [2, 0, 1]
    assert [one.own - one.other for one in found.taken] == pytest.approx(
        [cos(70) - cos(20), 0, 0], abs=1e-6)
    assert found.fraction == 0


def test_sanity_agrees_with_a_naive_reference():
    bank = random_bank()
    rows = [(bank.fine[i, :bank.fine_count[i]].double().numpy(),
             bank.coarse[i, :bank.coarse_count[i]].double().numpy())
            for i in range(len(bank.classes))]
    fine = [part.mean(0) / np.linalg.norm(part.mean(0)) for part, _ in rows]
    coarse = [part.mean(0) / np.linalg.norm(part.mean(0)) for _, part in rows]
    found = sanity(bank)
    lost = {i for i, name in enumerate(coarse) if np.argmax([name @ one for one in fine]) != i}
    assert {one.name.label for one in found.taken} == lost and 0 < len(lost) < len(fine)
    assert found.coarse_right == sum(
        np.argmax([text @ one for one in fine]) == i for i, (_, names) in enumerate(rows)
        for text in names)
    assert found.fine_right == sum(
        np.argmax([text @ one for one in coarse]) == i for i, (texts, _) in enumerate(rows)
        for text in texts)
    assert found.fine_texts == int(bank.fine_count.sum())


def test_stray_texts_go_by_the_rest_of_their_class():
    # Without the text at 60 degrees class a points to 0.
    stray, = stray_texts(angle_bank(a=([0, 60, 0], [0, 0]), b=([80, 82], [80, 82])))
    assert stray.text == TextRef(0, 'fine', 1) and stray.near == TextRef(1, 'fine', 0)
    assert stray.own == pytest.approx(cos(60), abs=1e-6)
    assert stray.other == pytest.approx(cos(21), abs=1e-6)
    assert stray.margin == pytest.approx(cos(21) - cos(60), abs=1e-6)


def test_the_only_description_goes_by_the_names():
    stray, = stray_texts(angle_bank(a=([100], [0, 0]), b=([120], [110, 110])))
    # With itself its class would point to 50 degrees.
    assert stray.text == TextRef(0, 'fine', 0) and stray.near == TextRef(1, 'coarse', 0)
    assert stray.own == pytest.approx(cos(100), abs=1e-6)
    assert stray.other == pytest.approx(cos(15), abs=1e-6)


def test_stray_texts_agree_with_a_naive_reference():
    bank = random_bank()
    expected = {}
    for i in range(len(bank.classes)):
        for kind, rows, count in (('fine', bank.fine, bank.fine_count),
                                  ('coarse', bank.coarse, bank.coarse_count)):
            for row in range(int(count[i])):
                others = [_centre(bank, j) for j in range(len(bank.classes)) if j != i]
                text = rows[i, row].double()
                margin = max(float(text @ one) for one in others) - float(
                    text @ _centre(bank, i, (kind, row)))
                if margin >= 0:
                    expected[TextRef(i, kind, row)] = margin
    found = stray_texts(bank)
    assert {one.text: one.margin for one in found} == pytest.approx(expected)
    assert len(found) > 5
    margins = [one.margin for one in found]
    assert margins == sorted(margins, reverse=True)


def _centre(bank, label, without=None):
    halves = []
    for kind, rows, count in (('fine', bank.fine, bank.fine_count),
                              ('coarse', bank.coarse, bank.coarse_count)):
        kept = [rows[label, row].double() for row in range(int(count[label]))
                if (kind, row) != without]
        if kept:
            halves.append(F.normalize(torch.stack(kept).mean(dim=0), dim=0))
    return F.normalize(sum(halves), dim=0)


def test_worst_pairs():
    bank = angle_bank(a=([0, 10], [0]), b=([40, 50], [20, 300]), c=([180], [170]), d=([182], [175]))
    pairs = worst_pairs(bank, 2)
    assert [(pair.first, pair.second) for pair in pairs] == [(2, 3), (0, 1)]
    assert pairs[0].fine == pytest.approx(cos(2), abs=1e-6)
    assert pairs[0].coarse == pytest.approx(cos(5), abs=1e-6)
    assert pairs[0].both == pytest.approx((cos(2) + cos(5)) / 2, abs=1e-6)
    # Names of b point to -20 degrees on average.
    assert pairs[1].fine == pytest.approx(cos(40), abs=1e-6)
    assert pairs[1].coarse == pytest.approx(cos(20), abs=1e-6)
    assert pairs[1].fine_texts == (TextRef(0, 'fine', 1), TextRef(1, 'fine', 0))
    assert pairs[1].coarse_texts == (TextRef(0, 'coarse', 0), TextRef(1, 'coarse', 0))
    assert len(worst_pairs(bank, 100)) == 6


def test_order_of_the_classes_does_not_matter():
    bank = random_bank()
    other = bank.subset([bank.classes[i] for i in np.random.default_rng(0).permutation(12)])
    named = [[(one.classes[stray.text.label], stray.text.kind, stray.text.row,
               one.classes[stray.near.label], round(stray.margin, 9)) for stray in stray_texts(one)]
             for one in (bank, other)]
    assert named[0] == named[1]
    assert sanity(bank).fraction == sanity(other).fraction
    pairs = [[{one.classes[pair.first], one.classes[pair.second]} for pair in worst_pairs(one, 66)]
             for one in (bank, other)]
    assert pairs[0] == pairs[1]


def test_text_of_a_reference():
    entry = angle_class('x', [1, 2, 3], [4, 5, 6, 7, 8], angle=9)
    read = {(kind, row): (ref.field, ref.read([entry])) for kind, row in (
        ('coarse', 0), ('coarse', 2), ('fine', 1)) for ref in [TextRef(0, kind, row)]}
    assert read == {('coarse', 0): ('label', 'x at 9'),
                    ('coarse', 2): ('synonyms[1]', '5 degrees by x, way 1'),
                    ('fine', 1): ('descriptions[1]',
                                  'At 2 degrees the arm of x is held, form 1.')}
