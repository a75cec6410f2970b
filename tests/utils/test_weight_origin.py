import pytest
import torch

from cocodiff_mm.utils.weight_origin import ORIGINS, advice, check_settings, recognise


def weights(origin, classes=60, joints=25):
    return {origin.tells: torch.zeros(2, 3), origin.joints_of: torch.zeros(3, joints, joints),
            origin.classes_of: torch.zeros(classes, 8)}


@pytest.mark.parametrize('origin', ORIGINS, ids=lambda one: f'{one.owner}-{one.network}-{one.host}')
def test_every_origin_is_known_by_its_names_alone(origin):
    state = weights(origin)
    assert recognise(state) is origin
    assert origin.numbers(state) == (60, 25)
    assert (f'weights of {origin.network} of {origin.owner} (60 classes, 25 joints)'
            in advice(state, 'a.pt'))
    command = f'tools/convert_checkpoint.py a.pt --from {origin.source} --out NEW.pth'
    assert (command in advice(state, 'a.pt')) == (origin.source is not None)


@pytest.mark.parametrize('joints, classes, data', [
    (25, 60, 'ntu60'), (25, 120, 'ntu120'), (20, 10, 'nwucla'), (18, 400, 'kinetics'),
    (15, 8, 'sbu'), (20, 27, 'utd_mhad'), (25, 61, None), (17, 60, None),
])
def test_recipe_follows_classes_and_joints(joints, classes, data):
    for origin in ORIGINS:
        recipe = origin.recipe(weights(origin, classes, joints))
        if data is None or origin.host and data not in ('ntu60', 'ntu120'):
            assert recipe is None
        elif origin.host:
            assert recipe == ('configs/mmaction.py', [f'backbone={origin.host}', f'data={data}'])
        else:
            assert recipe == (f'configs/{origin.network.lower()}.py', [f'data={data}'])


def test_weights_that_nobody_knows_get_the_plain_advice():
    assert recognise({'a': torch.zeros(1)}) is None
    assert advice({'a': torch.zeros(1)}, 'a.pt').startswith('Take the recipe that')
    own = next(one for one in ORIGINS if one.owner == 'this package')
    assert 'configs/' not in advice(weights(own, 61), 'a.pt')


def test_numbers_that_weights_do_not_have_are_none():
    origin = ORIGINS[0]
    assert origin.numbers({origin.tells: torch.zeros(1)}) == (None, None)
    assert '(None classes' not in advice({'b': torch.zeros(1)}, 'a.pt')


@pytest.mark.parametrize('checkpoint', [
    {}, dict(meta=None), dict(meta={}), dict(meta=dict(seed=1)),
    dict(meta=dict(backbone_settings={})),
])
def test_checkpoints_that_were_not_converted_need_no_setting(checkpoint):
    check_settings(dict(tcn_relu=True), checkpoint, 'a.pth')


def test_a_setting_must_be_as_the_weights_need_it():
    checkpoint = dict(meta=dict(backbone_settings=dict(center_of_mass=[21, None], other=[1])))
    for value in (dict(center_of_mass=21), dict(center_of_mass=None), {}):
        check_settings(dict(other=1, **value), checkpoint, 'a.pth')
    with pytest.raises(ValueError, match=(
            r'a\.pth was converted from weights that were trained with center_of_mass=21, but the '
            r'recipe has model\.backbone\.center_of_mass=1: .* Add --cfg-options '
            r'model\.backbone\.center_of_mass=21$')):
        check_settings(dict(other=1, center_of_mass=1), checkpoint, 'a.pth')
    with pytest.raises(ValueError, match=r'other=None'):
        check_settings({}, checkpoint, 'a.pth')
