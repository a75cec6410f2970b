import numpy as np
import pytest
from standing_people import HEIGHT, changed, damage, people_store

from cocodiff_mm.datasets.inspection.check_clips import (
    check_lengths,
    check_units,
    check_values,
    declared_unit,
    seems_unit,
)
from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM
from cocodiff_mm.datasets.inspection.statistics import measure
from cocodiff_mm.datasets.joints import JOINTS


def values(store):
    return check_values(ClipPool([store]), measure(store))


def edit(*numbers, function):
    """Change the joints of some clips."""
    def plant(clips):
        for number in numbers:
            clips = changed(clips, number, keypoint=function(clips[number].keypoint.copy()))
        return clips
    return plant


def test_good_clips(tmp_path):
    store = people_store(tmp_path / 'store')
    assert [(f.level, f.text) for f in values(store)] == [
        (OK, 'all coordinates are finite'), (OK, 'every frame holds a pose')]


def test_nan_is_a_problem(tmp_path):
    store = people_store(tmp_path / 'store')
    finding = values(damage(store, int(store.clips['offset'][7]), np.inf))[0]
    assert finding.level == PROBLEM and 'NaN or infinite coordinates in 1 clip' in finding.text
    assert finding.examples == 'clip7' and 'convert again' in finding.advice


@pytest.mark.parametrize('number, level', [(1, NOTE), (3, PROBLEM)])
def test_empty_clips(tmp_path, number, level):
    store = people_store(tmp_path / 'store', edit(*range(number), function=np.zeros_like),
                         per_class=20)
    finding = values(store)[1]
    assert (finding.topic, finding.level) == ('empty clips', level)
    assert f'no pose at all in {number} of 200 clips' in finding.text
    assert finding.examples.startswith('clip0')


def test_empty_frames_and_missing_joints(tmp_path):
    def lose(clip):
        clip[:, 3:5] = 0
        clip[:, 0, :10] = 0
        return clip
    store = people_store(tmp_path / 'store', edit(*range(30), function=lose))
    frames = int(store.clips['frames'].sum())
    held = 20 * (frames - 60)
    _, empty, missing = values(store)
    assert empty.level == missing.level == NOTE
    assert f'no pose in 60 of {frames} frames' in empty.text and '30 clips' in empty.text
    assert missing.text.startswith(f'300 of {held:,} joints')


def test_a_few_missing_joints_are_not_worth_a_note(tmp_path):
    def lose(clip):
        clip[:, 0, 4] = 0
        return clip
    assert len(values(people_store(tmp_path / 'store', edit(3, function=lose)))) == 2


def test_lengths(tmp_path):
    store = people_store(tmp_path / 'good')
    finding, = check_lengths(ClipPool([store]))
    frames = store.clips['frames']
    assert finding.level == OK
    assert finding.text == f'{frames.min()} to {frames.max()} frames, median {np.median(frames):g}'
    store = people_store(tmp_path / 'short', lambda clips: changed(changed(
        clips, 4, keypoint=clips[4].keypoint[:, :1]), 8, keypoint=clips[8].keypoint[:, :7]))
    finding, = check_lengths(ClipPool([store]))
    assert finding.level == NOTE and finding.text.startswith('1 to ')
    assert finding.text.endswith('2 clips below 8 frames (1 of one frame)')
    assert finding.examples == 'clip4, clip8'


def in_image(clip):
    return (clip[..., :2] * (300, -300) + (500, 900)).astype(np.float32)


@pytest.mark.parametrize('units, scale, level, words', [
    ('metres, camera space', 1, OK, 'metres: a pose is 1.6'),
    ('metres', 1000, PROBLEM, 'looks like millimetres'),
    ('millimetres', 1, PROBLEM, 'looks like metres'),
    ('Millimeters of the mocap', 1000, OK, 'millimetres: '),
    ('metres', 0.1, PROBLEM, 'looks like normalised'),
    ('metres', 1e5, PROBLEM, 'looks like no unit of a person'),
    ('fractions of the image', 1, OK, 'normalised'),
    ('normalised; multiplied by 3 they are metres', 0.3, OK, 'normalised'),
    ('feet', 1, NOTE, "which looks like metres; the store says 'feet'"),
])
def test_units(tmp_path, units, scale, level, words):
    store = people_store(tmp_path / 'store', lambda clips: [
        changed([clip], 0, keypoint=clip.keypoint * np.float32(scale))[0] for clip in clips],
        units=units)
    finding, = check_units(store, measure(store))
    assert finding.level == level and words in finding.text


def test_units_in_an_image(tmp_path):
    def store(name, units):
        return people_store(tmp_path / name, lambda clips: [
            changed([clip], 0, keypoint=in_image(clip.keypoint))[0] for clip in clips],
            coordinates=('x', 'y'), units=units)
    pixels, wrong = store('a', 'pixels'), store('b', 'normalised')
    assert check_units(pixels, measure(pixels))[0].level == OK
    finding, = check_units(wrong, measure(wrong))
    assert finding.level == PROBLEM and 'looks like pixels' in finding.text


def test_units_by_name_and_size():
    assert declared_unit('Metres; the original had millimetres') == 'metres'
    assert declared_unit('') is None
    assert seems_unit(HEIGHT, 0.2, 3) == 'metres' and seems_unit(HEIGHT, 2, 3) != 'metres'
    assert seems_unit(300, 40, 2) == 'pixels' and seems_unit(0.4, 0.05, 2).startswith('normalised')
    assert len(JOINTS['nwucla']) == 20


def test_nothing_to_measure(tmp_path):
    store = people_store(tmp_path / 'store', edit(*range(40), function=np.zeros_like))
    assert check_units(store, measure(store)) == []
