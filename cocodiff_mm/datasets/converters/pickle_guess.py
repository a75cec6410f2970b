"""What a pickle that does not say it most likely holds."""

import re
from pathlib import Path

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.utils.graph import num_joints

_FILE_NAMES = {
    r'ntu\D*120': 'ntu120',
    r'ntu': 'ntu60',
    r'ucla': 'nwucla',
    r'utd': 'utd_mhad',
    r'sbu': 'sbu',
    r'kinetics|k400': 'kinetics400',
}
_OF_LABEL_SET = {'nwucla': 'nwucla', 'utd_mhad': 'utd_mhad', 'sbu': 'sbu'}
_OF_JOINTS = {(25, 3): 'nturgb+d', (18, 2): 'openpose', (17, 2): 'coco', (15, 3): 'sbu'}
_UNITS = {
    'nturgb+d': 'metres, camera space of Kinect v2, y up',
    'nwucla': 'metres, camera space of Kinect v1, y up',
    'utd_mhad': 'metres, camera space of Kinect v1, y up',
    'sbu': 'normalised image coordinates x and y (down), normalised depth z',
}


def guess_label_set(path: Path) -> tuple[str | None, str]:
    """Label set by a file's name, or None.

    Returns:
        tuple[str | None, str]: The set, and a sentence about it for the report.
    """
    for pattern, label_set in _FILE_NAMES.items():
        if label_set in CLASSES and re.search(pattern, path.stem.lower()):
            return label_set, (f"label set {label_set} by the file's name; --set or --classes "
                               'says otherwise')
    return None, "class names unknown, so they are 'class 0' and so on; give --set or --classes"


def guess_layout(path: Path, label_set: str | None, joints: int,
                 coords: int) -> tuple[str, str]:
    """Layout by label set or by the shape of the joints.

    Returns:
        tuple[str, str]: The layout, and a sentence about it for the report.

    Raises:
        ValueError: If several or no layouts have this shape.
    """
    layout = _OF_JOINTS.get((joints, coords))
    if coords == 3 and label_set in _OF_LABEL_SET:
        layout = _OF_LABEL_SET[label_set]
    if layout is None or num_joints(layout) != joints:
        hint = ('nwucla or utd_mhad, which differ in the order of joints' if joints == 20
                else 'its name, or a JSON file of joints and bones')
        raise ValueError(f'{path}: {joints} joints x {coords} coordinates of '
                         f'{label_set or "an unknown data set"} tell no layout; give --layout: '
                         f'{hint}')
    return layout, f'layout {layout} by its {joints} joints x {coords} coordinates'


def units_of(layout: str | dict, coords: int) -> str:
    """Unit of the coordinates that pickles of a layout have."""
    if coords == 2:
        return 'pixels, y down'
    return _UNITS.get(layout, 'unknown') if isinstance(layout, str) else 'unknown'
