import json

import pytest

from cocodiff_mm.datasets.converters.clip_layout import read_layout
from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.utils.graph import bones, build_adjacency

ARM = dict(joints=['chest', 'elbow', 'hand'], bones=[['elbow', 'chest'], ['hand', 'elbow']],
           center='chest')


def write(tmp_path, content):
    path = tmp_path / 'arm.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize('name', JOINTS)
def test_built_in_layouts_go_by_name(name):
    assert read_layout(name) == (name, JOINTS[name])


@pytest.mark.parametrize('bones_, center', [
    (ARM['bones'], 'chest'), ([[1, 0], ['hand', 1]], 0)])
def test_a_file_names_joints_bones_and_center(tmp_path, bones_, center):
    layout, joints = read_layout(write(tmp_path, dict(ARM, bones=bones_, center=center)))
    assert joints == ('chest', 'elbow', 'hand')
    assert layout == dict(num_node=3, inward=[[1, 0], [2, 1]], center=0)
    assert bones(json.loads(json.dumps(layout))) == [(1, 0), (2, 1)]
    assert build_adjacency(dict(layout=layout)).shape == (3, 3, 3)


@pytest.mark.parametrize('content, message', [
    ('{', 'not whole JSON'), ('[' * 9999, 'not whole JSON'), ([], 'holds list, expected'),
    (dict(joints=['a']), 'holds joints, expected'),
    (dict(ARM, joints=['chest', 'elbow', 'elbow']), 'different names'),
    (dict(ARM, joints=[1, 2, 3]), 'different names'), (dict(ARM, bones=['ab']), 'child, parent'),
    (dict(ARM, center='hip'), "'hip' is no joint"), (dict(ARM, center=True), 'True is no joint'),
    (dict(ARM, bones=[['elbow', 3]]), '3 is no joint; expected .*0 to 2'),
    (dict(ARM, bones=[['elbow', 'chest']]), r'joints \[2\] do not lead to center'),
    (dict(ARM, bones=[*ARM['bones'], ['hand', 'chest']]), r'gives joints \[2\] several'),
    (dict(joints=['a', 'b'], bones=[['b', 'a'], ['a', 'b']], center='a'),
     "lead in a circle, as center 'a' has the parent 'b'"),
    (dict(ARM, bones=[['elbow', 'hand'], ['hand', 'elbow']]), 'do not lead to center'),
])
def test_wrong_files_are_a_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=f'arm.json.*{message}'):
        read_layout(write(tmp_path, content))


def test_an_unknown_layout_lists_those_that_there_are():
    with pytest.raises(FileNotFoundError, match="unknown layout 'ntu'; allowed: 'nturgb.*JSON"):
        read_layout('ntu')
