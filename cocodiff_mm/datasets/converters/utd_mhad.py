import re
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_names import parse_name
from cocodiff_mm.datasets.converters.matlab5 import matlab_arrays
from cocodiff_mm.datasets.converters.reading import as_floats, read_bytes
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source

_SUFFIX = '_skeleton.mat'
_VARIABLE = 'd_skel'
_JOINTS = 20


class UTDMHADSource(Source):
    """UTD-MHAD: one MATLAB file per clip, Kinect v1.

    ``xsub`` is the published protocol: subjects 1, 3, 5, 7 train, 2, 4, 6, 8 test.

    Args:
        folder (str | Path): Folder of ``a1_s1_t1_skeleton.mat`` and so on (action, subject,
            repetition), or one above it.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise FileNotFoundError(f'no such folder: {str(self.folder)!r}; expected UTD-MHAD\'s '
                                    'Skeleton.zip unpacked, see docs/data.md')
        self.info = StoreInfo(
            name='utd_mhad', layout='utd_mhad', classes=CLASSES['utd_mhad'],
            coordinates=('x', 'y', 'z'), units='metres, camera space of Kinect v1, y up',
            source=f'UTD-MHAD, {self.folder.resolve()}',
            licence='Free for research; the authors ask to be cited',
            citation='C. Chen, R. Jafari, N. Kehtarnavaz. UTD-MHAD: A Multimodal Dataset for Human '
            'Action Recognition Utilizing a Depth Camera and a Wearable Inertial Sensor. ICIP 2015')

    def items(self) -> list[tuple[str, str]]:
        """Clips by action, subject and repetition, each with its file."""
        files = sorted(self.folder.rglob(f'*{_SUFFIX}'), key=_numbers)
        if not files:
            raise FileNotFoundError(f'{self.folder} holds no *{_SUFFIX}; expected '
                                    f'a1_s1_t1{_SUFFIX} ... of UTD-MHAD\'s Skeleton.zip')
        return [(file.name.removesuffix(_SUFFIX), str(file)) for file in files]

    def read(self, name: str, handle: str) -> Clip:
        """Read a MATLAB file."""
        path, known = Path(handle), parse_name(name, 'utd_mhad')
        if known is None or not 0 <= known['label'] < len(CLASSES['utd_mhad']) \
                or not 1 <= known['subject'] <= 8 or not 1 <= known['replication'] <= 4:
            raise BadClip(f'{path}: expected a name such as a1_s1_t1{_SUFFIX}, with action 1 to '
                          f'{len(CLASSES["utd_mhad"])}, subject 1 to 8 and repetition 1 to 4')
        skeleton = _skeleton(path)
        keypoint = as_floats(skeleton.transpose(2, 0, 1), path, _VARIABLE)
        return Clip(name=name, keypoint=np.ascontiguousarray(keypoint)[None], **known)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """Odd against even subjects."""
        return dict(
            xsub_train=[clip.name for clip in clips if clip.subject % 2],
            xsub_val=[clip.name for clip in clips if not clip.subject % 2])


def _numbers(file: Path) -> tuple[list[int], str]:
    """Sort key: a2 comes before a10."""
    return [int(digits) for digits in re.findall(r'\d+', file.name)], str(file)


def _skeleton(path: Path) -> np.ndarray:
    """The variable d_skel, shape (20, 3, T)."""
    content = read_bytes(path)
    try:
        variables = matlab_arrays(content)
    except ValueError as error:
        raise BadClip(f'{path} can not be read: {error}; fetch it again') from error
    if _VARIABLE not in variables:
        raise BadClip(f'{path} holds {", ".join(sorted(variables))[:80] or "no numbers"}, expected '
                      f'an array of numbers {_VARIABLE}')
    skeleton = variables[_VARIABLE]
    if skeleton.ndim == 2:  # MATLAB drops a last axis of length 1
        skeleton = skeleton[:, :, None]
    if skeleton.shape[:2] != (_JOINTS, 3) or skeleton.ndim != 3 or not skeleton.shape[2]:
        raise BadClip(f'{path}: {_VARIABLE} has the shape {skeleton.shape}, expected ({_JOINTS} '
                      'joints, 3 coordinates, frames)')
    return skeleton
