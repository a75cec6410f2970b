import pytest
from mmaction.registry import TRANSFORMS
from small_store import small_store

from cocodiff_mm.datasets.skeleton_store_dataset import SkeletonStoreDataset


@pytest.fixture
def path(tmp_path):
    return str(small_store(tmp_path / 'store'))


@pytest.mark.parametrize('settings, message', [
    (dict(split='test'), "store has no split 'test'; it has: all, even, none"),
    (dict(split='none'), r"store: split 'none' holds no clip; take one that does \(even, all\), "
     'or convert the missing files'),
    (dict(split='even', classes=['wave', 2]), "store: no clip of split 'even' is left with "
     r"classes=\['wave', 'jump'\]; keep more classes or lower valid_ratio"),
    (dict(valid_ratio=1.5), 'no clip of the store is left with valid_ratio=1.5; keep more'),
    (dict(valid_ratio=1.5, classes=[3]), r"left with classes=\['sit'\] and valid_ratio=1.5; keep"),
    (dict(classes=['run']), "there is no 'run'; expected names, such as 'wave', .*from 0 to 3"),
    (dict(classes=['clapp']), "there is no 'clapp'; expected names, such as 'clap', or labels"),
    (dict(classes=[4]), 'there is no 4; expected names'),
    (dict(classes=[]), r'classes=\[\]: expected one class or more'),
    (dict(classes=['wave', 0]), r"classes=\['wave', 0\]: expected one class or more, each once"),
    (dict(remap_labels=True), 'remap_labels=True numbers the kept classes: say which in classes'),
    (dict(layout='nturgb+d'), 'expected 3 coordinates of 25 joints, got 3 of 5 in .*store; use'),
    (dict(label_set='sbu'), "store has 4 classes, but label set 'sbu' has 8; is it the store of"),
    (dict(num_classes=60), 'num_classes: got 60 classes, but .*store has 4'),
    (dict(metainfo=dict(classes=['a'])), 'metainfo.classes: got 1 classes, but .*store has 4'),
    (dict(multi_class=True), 'multi_class=True: clips of a store have one label each'),
    (dict(valid_ratio=0.5, box_thr=0.7), 'box_thr=0.7: a store counts the frames with a pose'),
    (dict(data_prefix=dict(skeleton='a')), 'data_prefix has skeleton; a store holds its clips'),
])
def test_refuses(path, settings, message):
    with pytest.raises(ValueError, match=message):
        SkeletonStoreDataset(path, [], **settings)


@pytest.mark.parametrize('step', ['FastPreNormalize3D', 'PreNormalize3D'])
def test_a_pre_normalized_store_needs_a_pipeline_that_expects_it(tmp_path, path, step):
    done = str(small_store(tmp_path / 'done', options=dict(pre_normalized=True)))
    others = [dict(type='CenterSkeleton', joint=1), dict(type='FormatGCNInput')]
    with pytest.raises(ValueError, match="done was put into the body's axes when it was made, "
                       'but .* no FastPreNormalize3D; use sampling=pyskl, or convert without '
                       '--pre-normalize'):
        SkeletonStoreDataset(done, others, lazy_init=True)
    normalize = dict(type=step)
    assert len(SkeletonStoreDataset(done, [normalize, *others])) == 8
    assert len(SkeletonStoreDataset(done, [TRANSFORMS.build(normalize), *others])) == 8
    assert len(SkeletonStoreDataset(path, others)) == 8


@pytest.mark.parametrize('name, command', [
    ('ntu60_3d.pkl', 'convert.py pyskl {0}/ntu60_3d.pkl --to {0}/ntu60_3d and give that folder'),
    ('NTU60_CS.npz', 'convert.py ctrgcn-npz {0}/NTU60_CS.npz --to {0}/NTU60_CS and give that'),
])
def test_a_file_gets_the_command_that_converts_it(tmp_path, name, command):
    for _ in range(2):
        with pytest.raises(ValueError) as error:
            SkeletonStoreDataset(str(tmp_path / name), [])
        assert command.format(tmp_path) in str(error.value)
        (tmp_path / name).touch()


def test_a_missing_store(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist; .*tools/data/convert.py'):
        SkeletonStoreDataset(str(tmp_path / 'store'), [])
