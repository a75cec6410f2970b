import pytest
from tiny_recipe import ROOT

from cocodiff_mm.utils.config import load_config

RECIPE = ROOT / 'configs' / 'ctrgcn_cocodiff_ntu120.py'


def streams(cfg):
    return [step.stream for mode in ('train', 'val', 'test')
            for step in cfg[f'{mode}_dataloader'].dataset.pipeline if 'stream' in step]


def test_variables_have_defaults():
    cfg = load_config(RECIPE)
    assert cfg.stream == 'j' and streams(cfg) == ['j'] * 3
    assert cfg.train_dataloader.dataset.split == 'xsub_train'


def test_a_variable_reaches_every_part_of_the_recipe(monkeypatch):
    monkeypatch.delenv('COCODIFF_STREAM', raising=False)
    cfg = load_config(RECIPE, dict(stream='bm', split='xset', **{'train_cfg.max_epochs': 3}))
    assert streams(cfg) == ['bm'] * 3
    assert cfg.train_dataloader.dataset.split == 'xset_train'
    assert cfg.test_dataloader.dataset.split == 'xset_val'
    assert cfg.train_cfg.max_epochs == 3
    assert streams(load_config(RECIPE)) == ['j'] * 3, 'the override must not outlive its recipe'


def test_an_unknown_variable_is_refused(tmp_path):
    recipe = tmp_path / 'mine.py'
    recipe.write_text('model = dict(type="RecognizerGCN")\n')
    with pytest.raises(ValueError, match='has no variable stream'):
        load_config(recipe, dict(stream='b'))


def test_a_missing_recipe_is_named_with_its_neighbours():
    with pytest.raises(FileNotFoundError, match='ctrgcn_ntu121.py.*ctrgcn_ntu120.py'):
        load_config(ROOT / 'configs' / 'ctrgcn_ntu121.py')


def test_stores_are_found_through_the_environment(monkeypatch):
    monkeypatch.setenv('COCODIFF_DATA_ROOT', '/somewhere')
    cfg = load_config(RECIPE)
    assert cfg.train_dataloader.dataset.ann_file == '/somewhere/ntu120'


def test_the_sampling_is_a_variable():
    lengths = {sampling: {step.clip_len for step in load_config(
        RECIPE, dict(sampling=sampling)).train_dataloader.dataset.pipeline if 'clip_len' in step}
        for sampling in ('official', 'pyskl')}
    assert lengths == dict(official={64}, pyskl={100})


@pytest.mark.parametrize('recipe, variables, message', [
    ('ctrgcn', dict(data='ntu61'), "unknown data='ntu61'; there are: kinetics, ntu120, ntu60, "
                                'nwucla, sbu, synthetic, utd_mhad$'),
    ('hdgcn', dict(schedule='mine'), "unknown schedule='mine'; there are: blockgcn, cocodiff"),
    ('mmaction', dict(backbone='gcn'), "backbone='gcn'; there are: 2s-agcn, stgcn, stgcnpp"),
    ('ctrgcn', dict(data=''), "data='', expected one word"),
    ('ctrgcn', dict(data='../datasets/nwucla'), 'expected one word of letters and digits'),
    ('ctrgcn', dict(stream=['j', 'b']), 'expected one word'),
    ('ctrgcn', dict(sampling='foo'), "unknown sampling 'foo'; allowed: 'official', 'pyskl'"),
    ('ctrgcn', dict(data='kinetics', split='xsub'), 'with data=kinetics has no variable split'),
    ('ctrgcn_nwucla', dict(data='ntu60'), 'no variable data; .* blockgcn.py take any data'),
    ('ctrgcn', dict(strem='b'), "a recipe has no 'strem'; did you mean stream"),
    ('ctrgcn', {'modle.type': 'x'}, "modle.type: a recipe has no 'modle'; did you mean model"),
    ('ctrgcn', dict(layout='coco'), "made of 'layout' and would not follow; choose data="),
    ('ctrgcn_cocodiff', {'cocodiff_neck.in_channels': 3}, "made of 'cocodiff_neck'"),
    ('mmaction', dict(data='nwucla'), "unknown data 'nwucla'; allowed: 'ntu60', 'ntu120'"),
    ('mmaction', dict(sampling='pyskl'), 'has no variable sampling'),
])
def test_unknown_values_are_refused_with_those_that_exist(recipe, variables, message):
    with pytest.raises(ValueError, match=message):
        load_config(ROOT / 'configs' / f'{recipe}.py', variables)
