import numpy as np
import pytest
from matplotlib.patches import StepPatch

from cocodiff_mm.visualization.data_charts import draw_classes, draw_lengths

LABELS = dict(xsub=dict(xsub_train=np.array([0, 0, 2]), xsub_val=np.array([1])),
              xview=dict(xview_train=np.array([2]), xview_val=np.array([0, 1, 1, 1])))


def test_bars_are_numbers_of_clips():
    figure = draw_classes(LABELS, ['a', 'b', 'c'])
    first, second = figure.axes
    heights = [[bar.get_height() for bar in bars] for bars in first.containers]
    assert heights == [[2, 0, 1], [0, 1, 0]]
    assert [bar.get_height() for bar in second.containers[1]] == [1, 3, 0]
    assert [text.get_text() for text in second.get_xticklabels()] == ['a', 'b', 'c']
    assert [text.get_text() for text in first.get_legend().get_texts()] == [
        'xsub_train: 3 clips', 'xsub_val: 1 clip']


def test_many_classes_are_steps():
    axes, = draw_classes(dict(one=LABELS['xsub']), [str(i) for i in range(400)]).axes
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    assert [step.get_data().values[:4].tolist() for step in steps] == [[2, 0, 1, 0], [0, 1, 0, 0]]
    assert steps[0].get_data().edges[[0, -1]].tolist() == [-0.5, 399.5]


def test_lengths():
    frames = dict(train=np.array([1, 5, 30, 30]), val=np.array([70, 500]))
    axes, = draw_lengths(frames, 8).axes
    bars = [bar for bar in axes.patches if bar.get_height() > 0 and bar.get_y() == 0][:6]
    assert sum(bar.get_height() for bar in bars if bar.get_width() < 8) == 6
    width = bars[0].get_width()
    assert width == pytest.approx(round(width)) and width >= 5  # whole frames
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ['train: 4 clips', 'val: 2 clips', 'median: 30 frames',
                     'below 8 frames: 2 clips']
    assert axes.get_xlim()[1] > 500
