import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from PIL import Image
from standing_people import HEIGHT, standing_pose

from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.visualization.skeleton_sheet import (
    COLORS,
    PLAIN_COLORS,
    Strip,
    draw_sheet,
    flat_poses,
    save_figure,
)

NAMES = JOINTS['nwucla']


@pytest.fixture
def clip():
    """Two people 1 m apart who walk 4 m along x in 20 frames."""
    pose = np.tile(standing_pose(), (2, 20, 1, 1))
    pose[1] += (1, 0, 0.3)
    return pose + np.linspace(0, 4, 20)[:, None, None] * (1, 0, 0) + (0, 0, 3)


def lines(axes):
    """Line collections: one per skeleton, persons of a frame in turn, the first person last."""
    return [c for c in axes.collections if isinstance(c, LineCollection)]


def test_one_axes_per_strip_and_one_skeleton_per_frame(clip):
    strips = [Strip('walk', clip, 'two'), Strip('stand', clip[:1]), Strip('nothing', None),
              Strip('empty', np.zeros((1, 5, 20, 3)))]
    figure = draw_sheet(strips, 'nwucla', 'a title')
    assert [len(lines(axes)) for axes in figure.axes] == [16, 8, 0, 0]
    texts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert texts[0] == ['walk', 'two'] and texts[2] == ['nothing', '', 'no clip']
    words = [text.get_text() for text in figure.texts]
    assert words == ['a title', 'right', 'second person: left', 'right', 'left']
    assert len(draw_sheet(strips[1:2], 'nwucla', frames=5).axes[0].collections) == 5


def test_skeletons_stand_in_their_panels(clip):
    figure = draw_sheet([Strip('walk', clip)], 'nwucla')
    axes, = figure.axes
    feet, heads, left, scales = [], [], [], []
    for i, drawn in enumerate(lines(axes)):
        points = np.concatenate(drawn.get_segments())
        assert i // 2 <= points[:, 0].min() and points[:, 0].max() <= i // 2 + 1
        assert points[:, 1].min() >= 0 and points[:, 1].max() <= 0.96
        feet.append(points[:, 1].min())
        heads.append(points[:, 1].max())
        left.append(points[:, 0].min() - i // 2)
        scales.append(np.ptp(points[:, 1]) / HEIGHT)
    assert np.ptp(feet) < 1e-9 and np.ptp(heads) < 1e-9 and np.ptp(scales) < 1e-9
    # They walk, and yet stand in the middle of their panels, as far apart as they were.
    second, first = left[::2], left[1::2]
    assert np.ptp(first) < 1e-9 and np.ptp(second) < 1e-9
    assert second[0] - first[0] == pytest.approx(scales[0])
    assert first[0] + second[0] + 0.54 * scales[0] == pytest.approx(1)
    assert axes.get_aspect() == 1


def test_colours_tell_left_from_right(clip):
    second, first = lines(draw_sheet([Strip('walk', clip)], 'nwucla').axes[0])[:2]
    for drawn, colors in ((first, COLORS[0]), (second, COLORS[1])):
        middle, left, right = (to_rgba(color) for color in colors)
        found = [tuple(color) for color in drawn.get_colors()]
        assert (found.count(middle), found.count(left), found.count(right)) == (3, 8, 8)
        # Left limbs were put at smaller x.
        centre = np.concatenate(drawn.get_segments())[:, 0].mean()
        for segment, color in zip(drawn.get_segments(), found, strict=True):
            side = segment[:, 0].mean() - centre
            assert color == middle or (side < 0) == (color == left)


def test_own_layouts_have_a_colour_per_person():
    layout = dict(num_node=3, inward=[(1, 0), (2, 1)], center=0)
    clip = np.random.default_rng(0).normal(size=(2, 6, 3, 2))
    second, first = lines(draw_sheet([Strip('a', clip)], layout).axes[0])[:2]
    assert [tuple(c) for c in first.get_colors()] == [to_rgba(PLAIN_COLORS[0])] * 2
    assert [tuple(c) for c in second.get_colors()] == [to_rgba(PLAIN_COLORS[1])] * 2


@pytest.mark.parametrize('order, flip', [((0, 1, 2), -1), ((0, 2, 1), 1), ((1, 2, 0), -1)])
def test_people_stand_upright_whatever_is_up(clip, order, flip):
    def up(joints):
        strip = lines(draw_sheet([Strip('walk', joints)], 'nwucla').axes[0])
        return np.stack(strip[0].get_segments())[..., 1]
    heights, turned = up(clip), up(flip * clip[..., order])
    heights, turned = ((each - each.min()) / np.ptp(each) for each in (heights, turned))
    assert np.allclose(heights, turned)


def test_poses_are_spread_over_the_frames_that_hold_one(clip):
    clip[:, :4] = 0
    clip[:, 15:] = 0
    poses = flat_poses(clip, 1, 1, 6)
    assert poses.shape == (6, 2, 20, 2)
    assert np.array_equal(poses[[0, -1]], clip[:, [4, 14]].transpose(1, 0, 2, 3)[..., :2])
    chosen = clip[:, [4, 6, 8, 10, 12, 14]].transpose(1, 0, 2, 3)
    assert np.array_equal(flat_poses(clip, 2, -1, 6), chosen[..., [0, 2]] * (1, -1))
    assert np.array_equal(flat_poses(clip, 0, 1, 6), chosen[..., [1, 0]])
    assert flat_poses(0 * clip, 1, 1, 6).shape == (0, 2, 20, 2)


def test_lost_joints_are_not_drawn_and_squeeze_nothing(clip):
    whole = lines(draw_sheet([Strip('walk', clip[:1])], 'nwucla').axes[0])
    lost = clip[:1].copy()
    lost[:, :, NAMES.index('left_foot')] = 0
    hurt = lines(draw_sheet([Strip('walk', lost)], 'nwucla').axes[0])
    assert {len(c.get_segments()) for c in whole} == {19}
    assert {len(c.get_segments()) for c in hurt} == {18}
    ratio = [np.ptp(np.concatenate(c[3].get_segments())[:, 1]) for c in (whole, hurt)]
    assert ratio[0] == pytest.approx(ratio[1], rel=0.1)


def test_a_joint_in_the_origin_of_a_centred_body_is_drawn(clip):
    centred = clip[:1] - clip[:1, :, NAMES.index('spine')][:, :, None]
    drawn = lines(draw_sheet([Strip('walk', centred)], 'nwucla').axes[0])
    assert {len(c.get_segments()) for c in drawn} == {19}


def test_saves_a_small_picture(clip, tmp_path):
    figure = draw_sheet([Strip(f'class {i}', clip) for i in range(30)], 'nwucla', 'a title')
    path = tmp_path / 'new' / 'sheet.png'
    save_figure(figure, path)
    picture = Image.open(path)
    assert picture.format == 'PNG' and picture.size == (975, 3050)
    assert path.stat().st_size < 400_000
    colors = {color for _, color in picture.convert('RGB').getcolors(10_000)}
    assert (255, 255, 255) in colors and len(colors) > 8
