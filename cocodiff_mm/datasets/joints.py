"""Names of the joints of every built-in layout, in the order of the joints."""

_ARM = ('shoulder', 'elbow', 'wrist', 'hand')
_LEG = ('hip', 'knee', 'ankle', 'foot')


def _side(side: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f'{side}_{part}' for part in parts)


# What both Kinects follow after the trunk: arms, then legs, each left before right.
_LIMBS = (*_side('left', _ARM), *_side('right', _ARM), *_side('left', _LEG),
          *_side('right', _LEG))

JOINTS: dict[str, tuple[str, ...]] = {
    'nturgb+d': (
        'spine_base', 'spine_mid', 'neck', 'head', *_LIMBS, 'spine_shoulder', 'left_hand_tip',
        'left_thumb', 'right_hand_tip', 'right_thumb'),
    'openpose': (
        'nose', 'neck', *_side('right', _ARM[:3]), *_side('left', _ARM[:3]),
        *_side('right', _LEG[:3]), *_side('left', _LEG[:3]), 'right_eye', 'left_eye', 'right_ear',
        'left_ear'),
    'coco': (
        'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder',
        'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip',
        'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle'),
    'nwucla': ('hip_center', 'spine', 'shoulder_center', 'head', *_LIMBS),
    'utd_mhad': ('head', 'shoulder_center', 'spine', 'hip_center', *_LIMBS),
    'sbu': (
        'head', 'neck', 'torso', 'left_shoulder', 'left_elbow', 'left_hand', 'right_shoulder',
        'right_elbow', 'right_hand', 'left_hip', 'left_knee', 'left_foot', 'right_hip',
        'right_knee', 'right_foot'),
}
