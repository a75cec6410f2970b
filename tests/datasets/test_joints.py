import pytest

from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.utils.graph import bones, num_joints

# Child to parent, the way a body hangs together whatever the sensor; 'X' is either side.
LIMB_PARENTS = {
    'X_elbow': {'X_shoulder'}, 'X_wrist': {'X_elbow'}, 'X_hand': {'X_wrist', 'X_elbow'},
    'X_hand_tip': {'X_hand', 'X_thumb'}, 'X_thumb': {'X_hand'}, 'X_knee': {'X_hip'},
    'X_ankle': {'X_knee'}, 'X_foot': {'X_ankle', 'X_knee'}, 'X_ear': {'X_eye'},
}


@pytest.mark.parametrize('layout', JOINTS)
def test_every_joint_has_one_name(layout):
    assert len(JOINTS[layout]) == num_joints(layout) == len(set(JOINTS[layout]))


@pytest.mark.parametrize('layout', JOINTS)
def test_bones_follow_the_body(layout):
    names = JOINTS[layout]
    checked = 0
    for child, parent in bones(layout):
        side, _, part = names[child].partition('_')
        expected = LIMB_PARENTS.get(f'X_{part}')
        if side not in ('left', 'right') or expected is None:
            continue
        assert names[parent].replace(f'{side}_', 'X_') in expected, (names[child], names[parent])
        checked += 1
    assert checked >= 8


@pytest.mark.parametrize('layout', JOINTS)
def test_both_sides_mirror_each_other(layout):
    names = JOINTS[layout]
    left = {name.removeprefix('left_') for name in names if name.startswith('left_')}
    assert left == {name.removeprefix('right_') for name in names if name.startswith('right_')}


@pytest.mark.parametrize('layout, joint, name', [
    ('nturgb+d', 4, 'left_shoulder'), ('nturgb+d', 8, 'right_shoulder'),
    ('nturgb+d', 20, 'spine_shoulder'), ('nturgb+d', 24, 'right_thumb'),
    ('openpose', 1, 'neck'), ('openpose', 2, 'right_shoulder'), ('openpose', 5, 'left_shoulder'),
    ('openpose', 8, 'right_hip'), ('openpose', 17, 'left_ear'),
    ('nwucla', 2, 'shoulder_center'), ('nwucla', 19, 'right_foot'),
    ('utd_mhad', 3, 'hip_center'), ('utd_mhad', 11, 'right_hand'), ('sbu', 8, 'right_hand'),
])
def test_published_places(layout, joint, name):
    assert JOINTS[layout][joint] == name
