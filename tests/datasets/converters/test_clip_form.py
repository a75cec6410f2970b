import json

import numpy as np
import pytest

from cocodiff_mm.datasets.converters.clip_form import ClipForm
from cocodiff_mm.datasets.converters.source import BadClip


def motion():
    return np.random.default_rng(0).normal(size=(3, 15, 3)).astype(np.float32)


def with_scores(tmp_path):
    path = tmp_path / 'scored.json'
    path.write_text(json.dumps(dict(
        keypoint=motion().tolist(), score=np.full((3, 15), 0.5).tolist())))
    return str(path)


def without(tmp_path):
    np.save(tmp_path / 'plain.npy', motion())
    return str(tmp_path / 'plain.npy')


def test_a_clip_has_what_it_is_given(tmp_path):
    clip = ClipForm('sbu').read('wave/1', without(tmp_path), 4, dict(subject=7, camera=2))
    assert (clip.name, clip.label, clip.subject, clip.camera, clip.setup) == ('wave/1', 4, 7, 2, -1)
    np.testing.assert_array_equal(clip.keypoint[0], motion())
    assert clip.score is None and clip.notes == ()


def test_scores_are_kept_if_wanted(tmp_path):
    path = with_scores(tmp_path)
    clip = ClipForm('sbu', scores=True).read('a', path, 0, {})
    assert clip.score.shape == (1, 3, 15) and (clip.score == 0.5).all() and clip.notes == ()
    clip = ClipForm('sbu').read('a', path, 0, {})
    assert clip.score is None and clip.notes == ('scores left out', )


def test_wanted_scores_have_to_be_there(tmp_path):
    with pytest.raises(BadClip, match='plain.npy has no scores, but the data set is to have them'):
        ClipForm('sbu', scores=True).read('a', without(tmp_path), 0, {})


def test_rows_of_several_persons(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 90))
    np.savetxt(tmp_path / '1.csv', values, delimiter=',', fmt='%.17g')
    clip = ClipForm('sbu', persons=2).read('1', str(tmp_path / '1.csv'), 0, {})
    np.testing.assert_array_equal(clip.keypoint[1, 2, 14], values[2, 87:].astype(np.float32))


@pytest.mark.parametrize('name', ['one\nline', 'byte\udcff'])
def test_names_that_no_text_can_hold_are_refused(name):
    with pytest.raises(BadClip, match='not plain text; rename it') as error:
        ClipForm('sbu').read(name, f'{name}.npy', 0, {})
    str(error.value).encode()  # can be printed


@pytest.mark.parametrize('options, message', [
    (dict(coordinates=('x', )), 'expected two or three'), (dict(coordinates='xx'), 'different'),
    (dict(persons=0), 'persons is 0')])
def test_a_form_is_checked(options, message):
    with pytest.raises(ValueError, match=message):
        ClipForm('sbu', **options)
