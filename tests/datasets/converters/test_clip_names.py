import pytest

from cocodiff_mm.datasets.converters.clip_names import parse_name


@pytest.mark.parametrize('name, label_set, expected', [
    ('S018C003P042R002A120', 'ntu120',
     dict(setup=18, camera=3, subject=42, replication=2, label=119)),
    ('a12_s10_e04_v03', 'nwucla', dict(label=9, subject=10, replication=4, camera=3)),
    ('a08_s01_e00_v01', 'nwucla', dict(label=6, subject=1, replication=0, camera=1)),
    ('a10_s01_e00_v01', 'nwucla', dict(label=-1, subject=1, replication=0, camera=1)),
    ('a27_s8_t4_skeleton', 'utd_mhad', dict(label=26, subject=8, replication=4)),
    ('s07s03_08_002', 'sbu', dict(label=7, replication=2)),
    ('S018C003P042R002A120', 'nwucla', None),
    ('S018C003P042R002A120_rgb', 'ntu120', None),
    ('a12_s10_e04_v03', 'kinetics400', None),
])
def test_names_tell_what_they_hold(name, label_set, expected):
    assert parse_name(name, label_set) == expected
