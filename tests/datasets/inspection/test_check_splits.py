from dataclasses import replace

import pytest
from standing_people import changed, people_store

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.inspection.check_splits import check_counts, check_protocols
from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM
from cocodiff_mm.datasets.inspection.protocol import store_protocols


def protocols_of(store, **kept):
    protocols = [replace(protocol, kept=kept) for protocol in store_protocols(store)]
    return check_protocols(ClipPool([store]), protocols, CLASSES['nwucla'])


def test_good_splits(tmp_path):
    assert [(f.level, f.text) for f in protocols_of(people_store(tmp_path / 'store'))] == [
        (OK, 'no clip is in both parts of a split (train/test: xsub 20/20)'),
        (OK, 'xsub: no subject is in both parts (2 and 2)')]


@pytest.mark.parametrize('expected, level, protocol', [
    (20, OK, None), (20.1, NOTE, None), (25, PROBLEM, 'xsub'), (15, PROBLEM, 'xsub')])
def test_published_numbers_of_clips(tmp_path, expected, level, protocol):
    store = people_store(tmp_path / 'store')
    finding, = check_counts(store, dict(xsub_train=expected, other=5), ['xsub_train', 'xsub_val'])
    assert (finding.level, finding.protocol) == (level, protocol)
    assert finding.text == ('as published: xsub_train 20' if level == OK else
                            f'xsub_train has 20 clips, the published split has {expected}')
    assert check_counts(store, {}, ['xsub_train']) == []


def test_clips_on_both_sides(tmp_path):
    store = people_store(tmp_path / 'store', splits=lambda names: dict(
        a_train=names[:25], a_val=names[20:], b_train=names[:20], b_val=names[20:]))
    finding, = protocols_of(store)
    assert (finding.level, finding.protocol) == (PROBLEM, 'a')
    assert finding.text == 'a_val shares 5 of 20 clips (25 %) with a_train'
    assert finding.examples == 'clip20, clip21, clip22, clip23 and 1 more'


@pytest.mark.parametrize('part, reason', [
    ('train', 'there is nothing to learn from'), ('val', 'accuracy can not be measured')])
def test_an_empty_part(tmp_path, part, reason):
    def splits(names):
        return {'xsub_train': names[:20], 'xsub_val': names[20:], f'xsub_{part}': []}
    finding, = protocols_of(people_store(tmp_path / 'store', splits=splits))
    assert (finding.level, finding.protocol) == (PROBLEM, 'xsub')
    assert finding.text == f'xsub_{part} holds no clip' and finding.advice.startswith(reason)


def test_a_subject_on_both_sides(tmp_path):
    store = people_store(tmp_path / 'store', lambda clips: changed(clips, 30, subject=1))
    finding, = protocols_of(store)
    assert (finding.level, finding.protocol) == (PROBLEM, 'xsub')
    assert finding.text.endswith('but both have subject 1')


def test_unknown_subjects_are_said(tmp_path):
    store = people_store(tmp_path / 'store', lambda clips: changed(clips, 30, subject=-1))
    assert [f.level for f in protocols_of(store)] == [OK, NOTE]


def test_cameras_of_a_cross_view_protocol(tmp_path):
    def splits(names):
        return dict(xview_train=names[:20], xview_val=names[20:])
    good = protocols_of(people_store(tmp_path / 'good', splits=splits))
    assert good[1].text == 'xview: no camera is in both parts (1 and 1)'
    bad = protocols_of(people_store(
        tmp_path / 'bad', lambda clips: changed(clips, 0, camera=2), splits))
    assert [f.level for f in bad] == [PROBLEM] and 'both have camera 2' in bad[0].text


def test_a_class_without_clips(tmp_path):
    def splits(names):
        return dict(a_train=[n for n in names[:20] if n not in ('clip3', 'clip13')],
                    a_val=[n for n in names[20:] if n not in ('clip24', 'clip34')])
    store = people_store(tmp_path / 'store', splits=splits)
    problem, note = sorted(protocols_of(store), key=lambda f: f.level)
    assert (problem.level, problem.protocol) == (PROBLEM, 'a')
    assert problem.text == "a_train has no clip of 1 class: 'walk around'"
    assert note.level == NOTE and note.text == "a_val has no clip of 1 class: 'sit down'"
    # Classes that a recipe leaves out on purpose.
    kept = [i for i in range(10) if i not in (3, 4)]
    assert [f.level for f in protocols_of(store, a_train=kept, a_val=kept)] == [OK]


def test_unbalanced_classes(tmp_path):
    def most_walk(clips):
        return [replace(clip, label=clip.label if i < 10 else 3) for i, clip in enumerate(clips)]
    store = people_store(tmp_path / 'store', most_walk, lambda names: dict(
        a_train=names[:30], a_val=names[30:]), per_class=8)
    finding = protocols_of(store)[1]
    assert finding.level == NOTE
    assert finding.text == "a_train: 'walk around' has 21 clips, 'pick up with one hand' has 1"


def test_no_pair_of_splits(tmp_path):
    finding, = protocols_of(people_store(tmp_path / 'store', splits=lambda names: dict(all=names)))
    assert finding.level == PROBLEM and 'NAME_train and NAME_val' in finding.advice
