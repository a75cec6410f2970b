import pytest
from mmengine.config import Config
from tiny_recipe import ROOT, tiny_recipe

from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.recipe import check_files, plain_recipe


@pytest.mark.parametrize('name', ['ntu120', 'nwucla', 'demo'])
def test_host_without_guest_is_the_plain_recipe(name):
    plain = load_config(ROOT / 'configs' / f'ctrgcn_{name}.py')
    guest = load_config(ROOT / 'configs' / f'ctrgcn_cocodiff_{name}.py')
    stripped = plain_recipe(guest)
    for key in plain:
        assert stripped[key] == plain[key], key
    assert guest.model.neck, 'the recipe itself must stay as it was'
    assert not stripped.custom_hooks


def test_a_plain_recipe_comes_back_equal(tmp_path):
    cfg = tiny_recipe(tmp_path, guest=False)
    assert plain_recipe(cfg).to_dict() == cfg.to_dict()


def test_other_hooks_stay():
    cfg = Config(dict(custom_hooks=[dict(type='mmaction.TwoStageRunner'), dict(type='EMAHook')]))
    assert [hook.type for hook in plain_recipe(cfg).custom_hooks] == ['EMAHook']


def test_missing_annotations_name_file_key_and_ways_out(tmp_path):
    (tmp_path / 'ntu120.pkl').touch()
    cfg = Config(dict(train_dataloader=dict(dataset=dict(
        type='RepeatDataset', dataset=dict(ann_file=str(tmp_path / 'ntu12.pkl'))))))
    with pytest.raises(FileNotFoundError) as error:
        check_files(cfg)
    for part in ('train_dataloader.dataset.dataset.ann_file', 'ntu12.pkl',
                 'near it: ntu120.pkl', '--cfg-options', 'ctrgcn_cocodiff_demo.py'):
        assert part in str(error.value)
    check_files(cfg, ('val',))


def test_a_store_is_a_folder(tmp_path):
    (tmp_path / 'ntu60').mkdir()
    cfg = Config(dict(train_dataloader=dict(dataset=dict(ann_file='ntu60',
                                                         data_root=str(tmp_path)))))
    check_files(cfg)
    cfg.train_dataloader.dataset.ann_file = 'ntu120'
    with pytest.raises(FileNotFoundError) as error:
        check_files(cfg)
    for part in (f"train_dataloader.dataset.ann_file: no such store or file: '{tmp_path}/ntu120'",
                 'near it: ntu60', 'tools/data/convert.py (docs/data.md', 'COCODIFF_DATA_ROOT'):
        assert part in str(error.value)


def test_a_missing_folder_is_named():
    cfg = Config(dict(val_dataloader=dict(dataset=dict(ann_file='no/such/folder/a.pkl'))))
    with pytest.raises(FileNotFoundError, match="the folder 'no/such/folder' does not exist"):
        check_files(cfg)


def test_a_field_on_the_wrapper_of_a_dataset_is_explained():
    cfg = load_config(ROOT / 'configs' / 'ctrgcn_nwucla.py',
                      {'train_dataloader.dataset.ann_file': 'mine'})
    with pytest.raises(ValueError, match='is a RepeatDataset around the dataset; set '
                       'train_dataloader.dataset.dataset.ann_file'):
        check_files(cfg)
