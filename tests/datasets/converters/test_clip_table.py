import numpy as np
import pytest
from broken_files import damaged

from cocodiff_mm.datasets.clip import check_clip
from cocodiff_mm.datasets.converters.clip_form import ClipForm
from cocodiff_mm.datasets.converters.clip_table import ClipTableSource
from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.store import SkeletonStore


def write(folder, text, clips=('a', 'b', 'c', 'd')):
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(clips):
        np.save(folder / f'{name}.npy', np.random.default_rng(i).normal(size=(2, 15, 3)))
    (folder / 'table.csv').write_text(text)
    return folder / 'table.csv'


def converted(path, tmp_path, tolerate=0, **options):
    report = convert(ClipTableSource(path, ClipForm('sbu'), **options), tmp_path / 'store',
                     processes=1, tolerate=tolerate)
    return SkeletonStore(tmp_path / 'store'), report


def members(store):
    return {split: [store.name(i) for i in store.split(split)] for split in store.split_names}


def test_a_table_says_everything(tmp_path):
    path = write(tmp_path / 'raw', 'label,path,split,subject,camera\n'
                 'wave,a.npy,day1,1,2\n"clap, loud",./b.npy,day2,2,\n\nwave,c.npy,,3,1\n')
    store, report = converted(path, tmp_path)
    assert store.names() == ['a', 'b', 'c'] and store.classes == ['clap, loud', 'wave']
    assert store.clips['label'].tolist() == [1, 0, 1]
    assert store.clips['subject'].tolist() == [1, 2, 3]
    assert store.clips['camera'].tolist() == [2, -1, 1]
    assert members(store) == dict(day1=['a'], day2=['b'])
    assert store.meta['name'] == 'table' and store.meta['options']['split'] == dict(by='table')
    assert report.remarks == []


def test_without_splits_subjects_are_held_out(tmp_path):
    rows = [f'{i}.npy,{"wave" if i % 2 else "clap"},{i // 4}' for i in range(20)]
    path = write(tmp_path / 'raw', '\n'.join(['path,label,subject', *rows]),
                 [str(i) for i in range(20)])
    store, _ = converted(path, tmp_path, val_fraction=0.4)
    train, val = (set(store.clips['subject'][store.split(part)]) for part in ('train', 'val'))
    assert not train & val and len(val) == 2 and len(store.split('val')) == 8
    assert store.meta['options']['split'] == dict(by='random', val_fraction=0.4, seed=0)


def test_labels_may_be_numbers(tmp_path):
    path = write(tmp_path / 'raw', 'path,label\na.npy,2\nb.npy,0\nc.npy,10\n')
    store, report = converted(path, tmp_path)
    assert store.classes == [f'class {i}' for i in range(11)]
    assert store.clips['label'].tolist() == [2, 0, 10]
    assert 'give --classes' in report.remarks[0]


def test_class_names_may_be_given(tmp_path):
    path = write(tmp_path / 'raw', 'path,label\na.npy,1\nb.npy,wave\nc.npy,sit\nd.npy,2\n')
    store, report = converted(path, tmp_path, classes=['wave', 'clap'], tolerate=2)
    assert store.clips['label'].tolist() == [1, 0]
    assert [entry.reason.split('raw/')[1] for entry in report.bad] == [
        "table.csv, line 4: label 'sit' is none of the 2 classes",
        "table.csv, line 5: label '2' is none of the 2 classes"]


@pytest.mark.parametrize('row, message', [
    ('a.npy', 'line 2: 1 columns, the titles are 3: path, label, subject'),
    ('a.npy,wave,1,2', 'line 2: 4 columns'), (',wave,1', 'line 2: path is empty'),
    ('a.npy,,1', "line 2: label '' is none"),
    ('a.npy,wave,Anna', "line 2: subject 'Anna', expected"),
    ('a.npy,wave,-1', "subject '-1'"), ('a.npy,wave,32768', "subject '32768'"),
    ('nothing.npy,wave,1', 'nothing.npy can not be read'),
    ('~nobody/a.npy,wave,1', 'nobody/a.npy can not be read'),
    ('table.txt,wave,1', 'table.txt: expected a file'), ('.,wave,1', 'expected a file'),
])
def test_wrong_rows_are_bad_clips(tmp_path, row, message):
    source = ClipTableSource(write(tmp_path, f'path,label,subject\n{row}\nb.npy,wave,2\n'),
                             ClipForm('sbu'))
    first, second = source.items()
    with pytest.raises(BadClip, match=message):
        source.read(*first)
    assert source.read(*second).subject == 2


def test_of_two_rows_of_a_clip_the_first_counts(tmp_path):
    path = write(tmp_path / 'raw', 'path,label,split\na.npy,wave,train\na.npy,wave,val\n'
                 'b.npy,wave,val\n')
    store, report = converted(path, tmp_path, tolerate=1)
    assert members(store) == dict(train=['a'], val=['b'])
    assert 'a: a second clip of this name' in report.bad[0].reason


@pytest.mark.parametrize('text, message', [
    ('', 'titles are missing'), ('path,label\n', 'lists no clips'),
    ('path,lable\na.npy,wave\n', 'titles are path, lable; expected path, label and any of split'),
    ('a.npy,wave\n', 'titles are a.npy, wave'), ('path,label,label\na,b,c\n', 'once each'),
    ('path,label\na.npy,12345\n', 'label 12345; give the class names'),
    ('path,label\n"' + 'a' * 200_000 + '",wave\n', 'no table of text'),
])
def test_other_tables_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=f'table.csv.*{message}'):
        ClipTableSource(write(tmp_path, text), ClipForm('sbu'))


def test_splits_are_given_once(tmp_path):
    path = write(tmp_path, 'path,label,split\na.npy,wave,train\n')
    with pytest.raises(ValueError, match='its column split and by val_fraction; choose one'):
        ClipTableSource(path, ClipForm('sbu'), val_fraction=0.2)
    with pytest.raises(FileNotFoundError, match='nothing.csv'):
        ClipTableSource(tmp_path / 'nothing.csv', ClipForm('sbu'))


def test_damage_is_refused_or_harmless(tmp_path):
    path = write(tmp_path, 'path,label,split,subject\n' + ''.join(
        f'{name}.npy,{label},train,{i}\n' for i, (name, label) in enumerate(
            zip('abcd', ('wave', 'clap', 'wave', 'sit'), strict=True))))
    content, refused = path.read_bytes(), 0
    for changed in damaged(content, 300):
        path.write_bytes(changed)
        try:
            source = ClipTableSource(path, ClipForm('sbu'))
        except ValueError as error:
            assert 'table.csv' in str(error)
            refused += 1
            continue
        for name, handle in source.items():
            try:
                check_clip(source.read(name, handle), source.info, 15)
            except BadClip:
                refused += 1
    assert refused > 150


def test_nothing_held_out_is_a_remark(tmp_path):
    _, report = converted(write(tmp_path / 'raw', 'path,label\na.npy,x\nb.npy,y\n'), tmp_path)
    assert report.splits == dict(train=2, val=0)
    assert ['nothing is held out' in remark for remark in report.remarks] == [True]


def test_a_row_that_changed_after_a_failure_is_read_again(tmp_path):
    """A path is mended, and another clip's label with it."""
    path = write(tmp_path / 'raw', 'path,label\na.npy,x\nb.npy,y\nc.npy,y\nlost.npy,x\n')
    with pytest.raises(TooManyBadClips):
        converted(path, tmp_path)
    path.write_text('path,label\na.npy,x\nb.npy,x\nc.npy,y\nd.npy,x\n')
    store, report = converted(path, tmp_path)
    assert store.names() == ['a', 'b', 'c', 'd']
    assert [store.classes[label] for label in store.clips['label']] == ['x', 'x', 'y', 'x']
    assert (report.taken_up, report.forgotten) == (1, 2)  # a; b and, behind it, c
