import pytest
from angle_texts import angle_class, angle_corpus, bank_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cocodiff_mm.text.collisions import worst_pairs
from cocodiff_mm.visualization.pair_list import (
    COLORS,
    Line,
    column_height,
    column_width,
    draw_columns,
    pair_lines,
    stack,
    text_width,
    wrap_lines,
)

LINE = 1.36 * 10 / 72


def block(lines, word='x'):
    return [Line(f'{word} {i}', 'black') for i in range(lines)]


def test_lines_of_a_pair():
    corpus = angle_corpus(angle_class('reach', [0, 10, 20], [0] * 5),
                          angle_class('swing', [90, 80, 70], [60] * 5))
    pair, = worst_pairs(bank_of(corpus), 1)
    labels = corpus.labels
    with_texts = pair_lines(pair, labels, corpus.classes)
    assert [line.text for line in with_texts] == [
        'reach at 0', 'swing at 60', 'names 0.50, descriptions 0.34', 'reach at 0', 'swing at 60',
        'At 20 degrees the arm of reach is held, form 2.',
        'At 70 degrees the arm of swing is held, form 2.']
    assert [line.color for line in with_texts[5:]] == list(COLORS)
    assert pair_lines(pair, labels, None) == with_texts[:3]


@pytest.mark.parametrize('word', ['ill', 'MAXIMUM', 'middling'])
def test_wrapped_lines_fit_whatever_their_letters(word):
    text = ' '.join([word] * 90)
    lines = wrap_lines([Line(text, 'red', True)], 10)
    assert ' '.join(line.text for line in lines) == text
    assert {(line.color, line.bold) for line in lines} == {('red', True)}
    room = 43 * 10 / 72
    width = column_width([[lines]], 10)
    assert 0.85 * room < width <= room
    assert width == max(text_width(line.text, 10, True) for line in lines) + 2.2 * 10 / 72
    assert len(wrap_lines([Line('', 'red')], 10)) == 1


def test_columns_are_of_much_the_same_length():
    blocks = [block(3) for _ in range(7)]
    columns = stack(blocks, 10, 20 * LINE)  # five would fit: five blocks and four spaces are 19
    assert [len(column) for column in columns] == [4, 3]
    assert column_height(columns[0], 10) == pytest.approx(15 * LINE)
    assert [one for column in columns for one in column] == blocks
    assert [len(column) for column in stack(blocks, 10, 28 * LINE)] == [7]
    assert [len(column) for column in stack([block(9), block(9)], 10, LINE)] == [1, 1]


def test_columns_are_written_with_numbers():
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw_columns(axes, [[block(2, 'a'), block(1, 'b')], [block(1, 'costs $5 and $6')]], 10, 4)
    texts = {text.get_text(): text for text in axes.texts}
    assert list(texts) == ['1', 'a 0', 'a 1', '2', 'b 0', '3', 'costs $5 and $6 0']
    assert [texts[key].get_position()[1] for key in ('1', 'a 0', 'a 1', 'b 0', '3')] == (
        pytest.approx([0, 0, -LINE, -3 * LINE, 0]))
    assert texts['costs $5 and $6 0'].get_position()[0] == pytest.approx(
        4 + 2.2 * 10 / 72)
    assert not any(text.get_parse_math() for key, text in texts.items() if len(key) > 1)
