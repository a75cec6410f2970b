import numpy as np
from standing_people import changed, people_store

from cocodiff_mm.datasets.inspection.check_copies import check_copies
from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.duplicates import exact_groups, near_groups
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM
from cocodiff_mm.datasets.inspection.protocol import store_protocols
from cocodiff_mm.datasets.inspection.statistics import measure


def find(store):
    pool, table, protocols = ClipPool([store]), measure(store), store_protocols(store)
    exact = exact_groups(table['digest'], table['joints'] == 0)
    near = near_groups(pool, table['print'], exact, table['joints'] == 0, 1.65)
    findings = check_copies(pool, protocols, protocols, exact, near)
    return [finding for finding in findings if finding.level != OK], findings


def copy(of, to, shift=0.0, **more):
    def plant(clips):
        return changed(clips, to, keypoint=clips[of].keypoint + np.float32(shift), **more)
    return plant


def test_no_copies(tmp_path):
    bad, all_of_them = find(people_store(tmp_path / 'store'))
    assert not bad and [finding.topic for finding in all_of_them] == ['leaks', 'copies']


def test_a_leak_names_both_clips_and_a_way_out(tmp_path):
    def splits(names):
        val = names[20:]
        return dict(a_train=names[:20], a_val=val, a_clean_train=names[1:20], a_clean_val=val,
                    other_train=names[1:20], other_val=val[1:])
    (leak, ), _ = find(people_store(tmp_path / 'store', copy(0, 30), splits))
    assert (leak.level, leak.protocol, leak.topic) == (PROBLEM, 'a', 'leaks')
    assert leak.text == 'a: 1 of 20 test clips (5 %) bit-identical to training clips'
    assert leak.examples == 'clip30 = clip0'
    assert leak.advice.startswith('use split=a_clean: the same test clips')


def test_a_leak_put_elsewhere(tmp_path):
    (leak, ), _ = find(people_store(tmp_path / 'store', copy(0, 30, shift=2)))
    assert leak.level == PROBLEM and 'training clips put elsewhere in space' in leak.text
    assert leak.advice == 'take the copies out of the training split'


def test_one_leak_in_thousands_is_a_note(tmp_path):
    (leak, ), _ = find(people_store(tmp_path / 'store', copy(0, 3000, shift=0), per_class=400))
    assert (leak.level, leak.protocol) == (NOTE, None)
    assert leak.text.startswith('xsub: 1 of 2,000 test clips (0.05 %)')


def test_clips_in_both_splits_are_no_leak(tmp_path):
    bad, _ = find(people_store(tmp_path / 'store', splits=lambda names: dict(
        a_train=names[:25], a_val=names[20:])))
    assert not bad


def test_repeats_and_contradictions(tmp_path):
    (repeat, ), _ = find(people_store(tmp_path / 'same', copy(0, 10)))
    assert repeat.level == NOTE and repeat.text.endswith('of the same split: xsub_train 1')
    repeat, conflict = find(people_store(tmp_path / 'other', copy(0, 10, shift=1, label=3)))[0]
    assert (conflict.level, conflict.protocol) == (PROBLEM, 'xsub')
    assert conflict.text == 'xsub: 2 of 40 clips (5 %) with a copy of another label'
    assert conflict.examples == 'clip0, clip10'
