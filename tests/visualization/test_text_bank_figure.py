import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from angle_texts import angle_class, angle_corpus, bank_of, random_bank
from matplotlib.colors import to_hex
from PIL import Image

from cocodiff_mm.text.bank import TextBank
from cocodiff_mm.text.collisions import sanity, worst_pairs
from cocodiff_mm.text.similarity import similarities
from cocodiff_mm.visualization.text_bank_figure import draw_bank, save_picture

CORPUS = angle_corpus(
    angle_class('left', [0, 0, 0], [0] * 5), angle_class('up', [80, 80, 80], [80] * 5),
    angle_class('more left', [20, 20, 20], [10] * 5), angle_class('$up$', [110] * 3, [100] * 5))


def parts(figure):
    """Axes of the heat map, the tree, the colours and the list."""
    heat_map, tree = (axes for axes in figure.axes[:2])
    return heat_map, tree, figure.axes[2], figure.axes[3]


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_heat_map_has_names_above_and_descriptions_below_the_diagonal():
    bank = bank_of(CORPUS)
    heat_map = parts(draw_bank(bank, CORPUS.classes))[0]
    shown, cosine = heat_map.images[0].get_array(), similarities(bank)
    rows = [CORPUS.labels.index(name) for name in labels(heat_map.yaxis)]
    assert labels(heat_map.xaxis) == labels(heat_map.yaxis)
    assert rows in ([0, 2, 1, 3], [3, 1, 2, 0])
    for i, first in enumerate(rows):
        for j, second in enumerate(rows):
            if i == j:
                assert shown.mask[i, j] or np.isnan(shown.data[i, j])
            else:
                expected = (cosine.fine if i > j else cosine.coarse)[first, second]
                assert shown[i, j] == pytest.approx(expected)
    assert not any(label.get_parse_math() for label in heat_map.get_xticklabels())


def test_pairs_are_marked_and_listed():
    bank = bank_of(CORPUS)
    heat_map, tree, _, listed = parts(draw_bank(bank, CORPUS.classes, pairs=2))
    order = labels(heat_map.yaxis)
    marked = {(text.get_text(), *text.get_position()) for text in heat_map.texts}
    expected = set()
    for number, pair in enumerate(worst_pairs(bank, 2), 1):
        x, y = (order.index(CORPUS.labels[label]) for label in (pair.first, pair.second))
        expected |= {(str(number), x, y), (str(number), y, x)}
    assert marked == expected and len(heat_map.patches) == 4
    written = [text.get_text() for text in listed.texts]
    assert written[:4] == ['1', 'left at 0', 'more left at 10', 'names 0.98, descriptions 0.94']
    assert 'At 20 degrees the arm of more left is held, form 0.' in written
    assert len(tree.collections[0].get_segments()) == 3


def test_without_texts_the_list_is_short():
    written = parts(draw_bank(bank_of(CORPUS), None, pairs=1))[3].texts
    assert [text.get_text() for text in written] == [
        '1', 'left at 0', 'more left at 10', 'names 0.98, descriptions 0.94']


def test_classes_taken_by_others_are_red():
    bank = random_bank()
    taken = {bank.classes[one.name.label] for one in sanity(bank).taken}
    heat_map = parts(draw_bank(bank))[0]
    red = {label.get_text() for label in heat_map.get_yticklabels()
           if to_hex(label.get_color()) == '#d00000'}
    assert red == taken and 0 < len(taken) < 12


def test_title_says_what_it_is():
    bank = bank_of(CORPUS)
    assert [text.get_text() for text in draw_bank(bank).texts] == [
        'angles: 4 classes, angles, 2 wide', str(sanity(bank))]
    nameless = dataclasses.replace(bank, metadata={})
    assert draw_bank(nameless).texts[0].get_text() == (
        'text bank: 4 classes, unknown encoder, 2 wide')


@pytest.mark.parametrize('size, name', [(2, 'a'), (17, 'a rather long name of a class {}'),
                                        (400, 'throwing {}')])
def test_nothing_is_cut_or_overlaps(size, name):
    generator = torch.Generator().manual_seed(0)
    rows = F.normalize(torch.randn(size, 2, 8, generator=generator), dim=-1)
    count = torch.full((size,), 2)
    bank = TextBank([f'{name.format(i)}{i}' for i in range(size)], rows, count, rows.flip(0), count)
    figure = draw_bank(bank)
    renderer = figure.canvas.get_renderer()
    width, height = figure.bbox.width, figure.bbox.height
    heat_map, _, bar, listed = parts(figure)
    for text in (*figure.texts, *heat_map.get_xticklabels(), *heat_map.get_yticklabels(),
                 *listed.texts):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    first, second = (heat_map.get_yticklabels()[i].get_window_extent(renderer) for i in (0, 1))
    assert first.y0 >= second.y1 - 0.25 * first.height
    assert bar.get_tightbbox(renderer).x1 < min(
        text.get_window_extent(renderer).x0 for text in listed.texts)


def test_one_class_has_no_pairs():
    with pytest.raises(ValueError, match='a bank of 1 classes has no pairs to draw'):
        draw_bank(bank_of(angle_corpus(CORPUS.classes[0])))


def test_picture_is_a_png(tmp_path):
    figure = draw_bank(bank_of(CORPUS))
    save_picture(figure, tmp_path / 'folder' / 'bank.png')
    picture = Image.open(tmp_path / 'folder' / 'bank.png')
    assert picture.size == tuple(np.round(150 * figure.get_size_inches() - 0.5).astype(int))
    assert [path.name for path in (tmp_path / 'folder').iterdir()] == ['bank.png']
