import re
from collections import OrderedDict

import pytest
import torch
from published_weights import SMALL, authors_names, recognizer
from tiny_recipe import ROOT

from cocodiff_mm.conversion import convert_file, convert_state
from cocodiff_mm.conversion.convert_weights import _ONE_PERSON
from cocodiff_mm.utils.checkpoint import load_checkpoint
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.weight_origin import DATA_SETS


def weights(kind='CTRGCN', classes=5, **settings):
    return recognizer(dict(type=kind, graph_cfg=dict(layout='nturgb+d'), **SMALL, **settings),
                      classes, 32).state_dict()


def published(kind='CTRGCN', **settings):
    return authors_names(weights(kind, **settings))


def test_what_is_written_and_told(tmp_path):
    torch.save(published(classes=60), tmp_path / 'runs-65.pt')
    out = tmp_path / 'new' / 'ctrgcn.pth'
    conversion = convert_file(tmp_path / 'runs-65.pt', 'ctrgcn', out)
    found = load_checkpoint(out)
    assert found['meta'] == dict(converted_from='ctrgcn', source_file='runs-65.pt',
                                 backbone_settings=dict(tcn_relu=[False, None]))
    assert list(found['state_dict']) == list(conversion.state_dict)
    assert conversion.lines[0].endswith(
        'runs-65.pt: 269 tensors of CTRGCN of its authors (60 classes, 25 joints)')
    assert conversion.lines[1] == ('coordinates: 3; persons: 2; 3 blocks from 16 channels, doubled '
                                   'in 2, frames halved in 2, 3')
    assert conversion.lines[2] == '0 tensors keep their names, 269 get others'
    assert conversion.options == [
        'data=ntu60', 'model.backbone.base_channels=16', 'model.backbone.num_stages=3',
        'model.backbone.inflate_stages=[2]', 'model.backbone.down_stages=[2,3]',
        'model.cls_head.in_channels=32']


def test_persons_and_classes_that_no_recipe_has_become_overrides():
    options = convert_state(published(num_person=1, classes=60), 'ctrgcn').options
    assert 'model.backbone.num_person=1' in options
    conversion = convert_state(published(classes=31), 'ctrgcn')
    assert conversion.config is None
    assert {'model.cls_head.num_classes=31',
            'model.backbone.graph_cfg.layout=nturgb+d'} <= set(conversion.options)


@pytest.mark.parametrize('kind, source, right', [
    ('BlockGCN', 'ctrgcn', 'blockgcn'), ('CTRGCN', 'hdgcn', 'ctrgcn'),
    ('CTRGCN', 'mmaction2', 'ctrgcn'), ('BlockGCN', 'pyskl', 'blockgcn'),
])
def test_another_source_is_named_with_its_command(kind, source, right):
    with pytest.raises(ValueError, match=(
            rf'a\.pt looks like {kind} of its authors \(60 classes, 25 joints\), which --from '
            rf'{source} does not read; give python tools/convert_checkpoint\.py a\.pt --from '
            rf'{right} --out b\.pth')):
        convert_state(published(kind, classes=60), source, 'a.pt', 'b.pth')


@pytest.mark.parametrize('kind', ['CTRGCN', 'HDGCN', 'BlockGCN'])
def test_weights_of_this_package_need_no_conversion(kind):
    state = weights(kind, classes=120)
    with pytest.raises(ValueError, match=(
            rf'a\.pth needs no conversion\. These are weights of {kind} of this package \(120 '
            rf'classes, 25 joints\); test them with python tools/test\.py configs/'
            rf'{kind.lower()}\.py a\.pth --cfg-options data=ntu120, and the settings that were '
            'changed')):
        convert_state(dict(state_dict=state), 'hdgcn', 'a.pth')
    with pytest.raises(ValueError, match=r'\(5 classes, 25 joints\); test them with the recipe '
                                         'that they were trained with$'):
        convert_state(weights(kind), 'hdgcn', 'a.pth')


@pytest.mark.parametrize('kind, key', [('CTRGCN', 'l2.gcn1.PA'), ('BlockGCN', 'fc.bias')])
def test_weights_that_are_not_finite_are_named(kind, key):
    state = published(kind)
    state[key] = state[key].clone()
    state[key].view(-1)[1] = float('nan')
    with pytest.raises(ValueError, match=rf'a\.pt holds NaN or infinite weights in 1 of '
                                         rf'{len(state)} tensors \({key}\)'):
        convert_state(state, kind.lower(), 'a.pt')


@pytest.mark.parametrize('name', ['model', 'model_state_dict', 'net'])
def test_weights_under_another_name_come_with_the_line_that_saves_them(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    torch.save({'epoch': 3, name: published(), 'optimizer': dict(state={}, lr=0.1)}, 'a.pt')
    with pytest.raises(ValueError, match=f'a.pt keeps its weights under {name}, expected') as error:
        convert_file('a.pt', 'ctrgcn', 'b.pth')
    line = re.search(r'alone, (torch\.save\(.*\)), and convert that', str(error.value))[1]
    eval(line, dict(torch=torch, load_checkpoint=load_checkpoint))
    assert len(convert_file('WEIGHTS.pt', 'ctrgcn', 'b.pth').state_dict) == 269


@pytest.mark.parametrize('data', DATA_SETS.values())
def test_persons_of_the_recipes_are_known(data):
    cfg = load_config(ROOT / 'configs' / 'ctrgcn.py', dict(data=data))
    assert cfg.num_person == (1 if data in _ONE_PERSON else 2)


def test_converting_twice_is_refused():
    once = convert_state(published(), 'ctrgcn')
    with pytest.raises(ValueError, match='needs no conversion'):
        convert_state(dict(meta=once.meta, state_dict=once.state_dict), 'ctrgcn')


def test_missing_unexpected_and_misshaped_tensors_are_named_as_in_the_file():
    state = published()
    state['l2.gcn1.PA'] = torch.zeros(3, 20, 20)
    del state['l3.tcn1.branches.0.0.bias']
    state['l1.gcn1.soft.weight'] = torch.zeros(1)
    with pytest.raises(ValueError) as error:
        convert_state(state, 'ctrgcn', 'a.pt')
    message = str(error.value)
    assert message.startswith('a.pt (CTRGCN of its authors (5 classes, 25 joints)) is not the '
                              'CTRGCN that its shapes suggest: of 269 keys 1 missing '
                              '(l3.tcn1.branches.0.0.bias), 1 unexpected (l1.gcn1.soft.weight), '
                              '1 of another shape (l2.gcn1.PA (3, 20, 20), expected (3, 25, 25)).')


def test_a_network_that_the_settings_forbid_is_explained():
    state = published('CTRGCN')
    narrow = OrderedDict(
        (key, value[:2] if key.startswith('l1.gcn1.bn.') and value.dim() else value)
        for key, value in state.items())
    with pytest.raises(ValueError, match=r'a\.pt is of blocks with \[2, 32, 32\] channels, which '
                                         'must stay or double'):
        convert_state(narrow, 'ctrgcn', 'a.pt')


@pytest.mark.parametrize('content, message', [
    (dict(a=torch.zeros(1), b=torch.zeros(1)),
     r'none of its 2 tensors is called l1\.gcn1\.convs\.0\.conv3\.weight; it has a; b$'),
    ({}, 'holds no weights: expected a dict of tensors'),
    ([1], 'holds no weights: .* got list'),
    (torch.zeros(3), 'holds no weights: .* got Tensor'),
    (dict(epoch=3, model=None), r'2 values that are no tensors: epoch \(int\); model \(NoneType\)'),
])
def test_other_files_end_in_a_sentence(content, message):
    with pytest.raises(ValueError, match=message):
        convert_state(content, 'ctrgcn', 'a.pt')


def test_unknown_source_names_those_there_are():
    with pytest.raises(ValueError, match="unknown --from 'agcn'; allowed: 'ctrgcn', 'hdgcn'"):
        convert_file('a.pt', 'agcn', 'b.pth')


def test_places_that_can_not_be_written_are_refused_before_reading(tmp_path):
    src, out = tmp_path / 'a.pt', tmp_path / 'b.pth'
    torch.save(published(), src)
    out.write_text('mine')
    with pytest.raises(ValueError, match=r'b\.pth exists; choose another name, or replace it with '
                                         '--overwrite'):
        convert_file(src, 'ctrgcn', out)
    assert out.read_text() == 'mine'
    for overwrite in (False, True):
        with pytest.raises(ValueError, match='is the file to convert itself'):
            convert_file(src, 'ctrgcn', src, overwrite)
    with pytest.raises(ValueError, match='it is a folder; add the name of a file'):
        convert_file(src, 'ctrgcn', tmp_path, overwrite=True)
    with pytest.raises(ValueError, match='cannot be written'):
        convert_file(src, 'ctrgcn', out / 'c.pth')
    convert_file(src, 'ctrgcn', out, overwrite=True)
    assert load_checkpoint(out)['meta']['converted_from'] == 'ctrgcn'


def test_a_file_that_is_refused_leaves_the_earlier_one(tmp_path):
    (tmp_path / 'a.pt').write_bytes(b'PK broken')
    (tmp_path / 'b.pth').write_text('mine')
    with pytest.raises(ValueError, match=r'a\.pt \(9 bytes\) is not a readable checkpoint'):
        convert_file(tmp_path / 'a.pt', 'ctrgcn', tmp_path / 'b.pth', overwrite=True)
    assert (tmp_path / 'b.pth').read_text() == 'mine'
