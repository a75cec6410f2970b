import json

import numpy as np
import pytest
from broken_files import refuse_or_read
from mmaction.datasets.transforms import PreNormalize2D

from cocodiff_mm.datasets.clip import check_clip
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.kinetics_stgcn import KineticsSTGCNSource
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.store import SkeletonStore

JUGGLING, JUGGLING_INDEX = 'juggling balls', 169


def person(rng, missing=()):
    score = rng.uniform(0.1, 1, 18).round(3)
    score[list(missing)] = 0
    pose = rng.uniform(0.05, 0.95, (18, 2)).round(3)
    return dict(pose=pose.ravel().tolist(), score=score.tolist())


def clip_of(persons, label=JUGGLING, index=JUGGLING_INDEX):
    """A file's content; persons in each frame, frames counted from 1."""
    return dict(
        data=[dict(frame_index=i + 1, skeleton=skeletons) for i, skeletons in enumerate(persons)],
        label=label, label_index=index)


def write(folder, train, val, labels=None):
    for part, clips in dict(train=train, val=val).items():
        (folder / f'kinetics_{part}').mkdir(parents=True)
        for name, content in clips.items():
            (folder / f'kinetics_{part}' / f'{name}.json').write_text(json.dumps(content))
        entries = {name: dict(has_skeleton=True, label=content['label'],
                              label_index=content['label_index'])
                   for name, content in clips.items()}
        (folder / f'kinetics_{part}_label.json').write_text(
            json.dumps(dict(entries, **(labels or {}).get(part, {}))))
    return folder


def naive(content, frames):
    """The published feeder in loops: five persons in, centred joints, two out by score."""
    data = np.zeros((3, frames, 18, 5))
    for entry in content['data']:
        for m, skeleton in enumerate(entry['skeleton'][:5]):
            t = entry['frame_index'] - 1
            data[0, t, :, m], data[1, t, :, m] = skeleton['pose'][::2], skeleton['pose'][1::2]
            data[2, t, :, m] = skeleton['score']
    data[:2] -= 0.5
    data[:2, data[2] == 0] = 0
    for t in range(frames):
        order = sorted(range(5), key=lambda m: -data[2, t, :, m].sum())
        data[:, t] = data[:, t][..., order]
    return data[..., :2]


@pytest.fixture
def content():
    rng = np.random.default_rng(0)
    counts = [1, 2, 0, 7, 3, 1]
    return clip_of([[person(rng, rng.integers(0, 18, 3)) for _ in range(n)] for n in counts])


def read(folder, content):
    source = KineticsSTGCNSource(write(folder, dict(clip=content), dict(other=content)))
    return source.read(*source.items()[0]), source


def test_persons_are_those_of_the_published_feeder(tmp_path, content):
    clip, source = read(tmp_path, content)
    expected = naive(content, 6)
    assert clip.keypoint.shape == (2, 6, 18, 2) and clip.label == 169
    np.testing.assert_allclose(clip.score, expected[2].transpose(2, 0, 1), atol=1e-6)
    centred = (clip.keypoint - 0.5) * (clip.score > 0)[..., None]
    np.testing.assert_allclose(centred, expected[:2].transpose(3, 1, 2, 0), atol=1e-6)
    check_clip(clip, source.info, 18)


def test_joints_of_score_0_are_at_0(tmp_path, content):
    clip, _ = read(tmp_path, content)
    assert (clip.score == 0).any() and not clip.keypoint[clip.score == 0].any()


def test_the_image_shape_normalizes_to_one(tmp_path, content):
    clip, _ = read(tmp_path, content)
    results = dict(keypoint=clip.keypoint.copy(), img_shape=clip.img_shape)
    normalized = PreNormalize2D().transform(results)['keypoint']
    np.testing.assert_allclose(normalized, 2 * clip.keypoint - 1, atol=1e-6)


def test_frames_keep_their_places(tmp_path):
    rng = np.random.default_rng(1)
    content = clip_of([[person(rng)], [], [person(rng)]])
    content['data'][2]['frame_index'] = 5
    content['data'].append(dict(frame_index=7, skeleton=[]))
    clip, _ = read(tmp_path, content)
    assert clip.keypoint.shape == (1, 7, 18, 2)
    assert clip.keypoint[0].any(axis=(1, 2)).tolist() == [True, *[False] * 3, True, *[False] * 2]


def test_frames_may_count_from_0(tmp_path):
    content = clip_of([[person(np.random.default_rng(1))]] * 3)
    for i, entry in enumerate(content['data']):
        entry['frame_index'] = i
    clip, _ = read(tmp_path, content)
    assert clip.keypoint.shape[1] == 3 and clip.keypoint[0].any(axis=(1, 2)).all()


def test_a_store_has_both_parts_and_no_empty_clips(tmp_path, content):
    folder = write(tmp_path / 'raw', dict(a=content, b=content), dict(c=content),
                   dict(val=dict(nobody=dict(has_skeleton=False, label='yoga', label_index=398))))
    report = convert(KineticsSTGCNSource(folder), tmp_path / 'store', processes=1)
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == ['a', 'b', 'c'] and report.splits == dict(train=2, val=1)
    assert list(report.skipped.values()) == [['nobody']]
    assert store.classes[169] == JUGGLING and store.layout == 'openpose'
    clip = store.clips[0]
    assert (clip['frames'], clip['valid'], clip['height'], clip['width']) == (6, 5, 1, 1)


@pytest.mark.parametrize('lacking', ['kinetics_val', 'kinetics_train_label.json'])
def test_what_is_not_there_is_named(tmp_path, content, lacking):
    folder = write(tmp_path, dict(a=content), dict(c=content))
    (folder / lacking).rename(folder / 'elsewhere')
    with pytest.raises(FileNotFoundError, match=f'{lacking}.*expected Kinetics-Skeleton'):
        KineticsSTGCNSource(folder)


@pytest.mark.parametrize('labels, message', [
    ('[]', 'label.json holds a list'), ('{"a": {"label": "yoga"}}', "entry 'a' is"),
    ('{', 'not whole JSON'), ('{}', 'name no clip')])
def test_wrong_label_files_are_named(tmp_path, content, labels, message):
    folder = write(tmp_path, {}, dict(c=content))
    for part in ('train', 'val'):
        (folder / f'kinetics_{part}_label.json').write_text(labels)
    with pytest.raises(ValueError, match=message):
        KineticsSTGCNSource(folder).items()




@pytest.mark.parametrize('change, message', [
    (lambda c: c.update(label_index=400), 'label_index 400, expected 0 to 399'),
    (lambda c: c.update(label_index='3'), "label_index '3'"),
    (lambda c: c.update(label='yoga'), "label 'yoga', but class 169 of Kinetics is 'juggling"),
    (lambda c: c.update(data=[]), 'no list of frames'),
    (lambda c: c['data'][1].update(frame_index=1), 'frame_index 1 after 1 frames'),
    (lambda c: c['data'][1].update(frame_index=10**9), 'at most 10000'),
    (lambda c: c['data'][0].update(skeleton=None), 'frame 1 has no list of skeletons'),
    (lambda c: c['data'][0]['skeleton'][0]['pose'].pop(), 'pose of 35 numbers, expected 36'),
    (lambda c: c['data'][1]['skeleton'][0].update(score=[0.5] * 25), 'score of 25 numbers'),
    (lambda c: c['data'][1]['skeleton'][0].pop('score'), 'score of none'),
    (lambda c: c['data'][0]['skeleton'][0]['pose'].__setitem__(3, 'x'), 'no number'),
    (lambda c: c['data'][0]['skeleton'][0]['pose'].__setitem__(3, [1]), 'unequal lengths'),
    (lambda c: c['data'][0]['skeleton'][0]['pose'].__setitem__(3, float('nan')),
     'nan in poses at .0, 3.*expected finite'),
    (lambda c: c['data'][0]['skeleton'][0].update(pose=[320.0] * 36), 'expected fractions'),
    (lambda c: [entry['skeleton'].clear() for entry in c['data']], 'no skeleton in any of its 6'),
])
def test_broken_clips_are_a_sentence(tmp_path, content, change, message):
    folder = write(tmp_path, dict(clip=content), {})
    source = KineticsSTGCNSource(folder)
    [(name, handle)] = source.items()
    change(content)
    (folder / 'kinetics_train' / 'clip.json').write_text(json.dumps(content))
    with pytest.raises(BadClip, match=f'clip.json.*{message}'):
        source.read(name, (handle[0], content['label_index']))


def test_labels_have_to_agree(tmp_path, content):
    source = KineticsSTGCNSource(write(tmp_path, dict(clip=content), {}))
    [(name, (path, _))] = source.items()
    with pytest.raises(BadClip, match='label_index 169, but 3 in the file of labels'):
        source.read(name, (path, 3))


def test_a_clip_without_file_is_bad(tmp_path, content):
    source = KineticsSTGCNSource(write(tmp_path, dict(clip=content), {}))
    [(name, handle)] = source.items()
    (tmp_path / 'kinetics_train' / 'clip.json').unlink()
    with pytest.raises(BadClip, match='clip.json can not be read: No such file'):
        source.read(name, handle)


@pytest.mark.parametrize('text', ['', '[' * 100_000, '1' * 5000, '{"data": ' * 500])
def test_odd_json_is_refused(tmp_path, content, text):
    source = KineticsSTGCNSource(write(tmp_path, dict(clip=content), {}))
    [(name, handle)] = source.items()
    (tmp_path / 'kinetics_train' / 'clip.json').write_text(text)
    with pytest.raises(BadClip, match='clip.json'):
        source.read(name, handle)


def test_damage_is_refused_or_harmless(tmp_path, content):
    source = KineticsSTGCNSource(write(tmp_path, dict(clip=content), {}))
    [(name, handle)] = source.items()
    path = tmp_path / 'kinetics_train' / 'clip.json'
    assert refuse_or_read(lambda: source.read(name, handle), source.info, path) > 75
