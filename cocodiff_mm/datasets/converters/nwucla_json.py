import hashlib
import reprlib
from pathlib import Path
from typing import Any

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_names import parse_name
from cocodiff_mm.datasets.converters.reading import as_floats, as_numbers, read_json
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source

_FORM = '{"file_name": ..., "skeletons": frames x 20 joints x 3, "label": 1 to 10}'


class NWUCLASource(Source):
    """Northwestern-UCLA as the authors of CTR-GCN distribute it: one JSON file per clip.

    The standard protocol ``xview`` trains on views 1 and 2 and tests on view 3, but some clips are
    there twice, in a training view and in view 3. ``xview_clean`` leaves such clips out of
    training, ``xview_dedup`` out of the test; ``xsub`` trains on odd subjects and tests on even
    ones.

    Args:
        folder (str | Path): Folder ``all_sqe`` of files ``a01_s01_e00_v01.json``.

    Raises:
        FileNotFoundError: If there is no such folder or no such file in it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise FileNotFoundError(f'no such folder: {str(self.folder)!r}; expected NW-UCLA/'
                                    'all_sqe as the authors of CTR-GCN distribute it')
        self.info = StoreInfo(
            name='nwucla', layout='nwucla', classes=CLASSES['nwucla'],
            coordinates=('x', 'y', 'z'), units='metres, camera space of Kinect v1, y up',
            source=f'JSON files of CTR-GCN, {self.folder.resolve()}',
            licence='Research use; the distribution states no terms of its own',
            citation='J. Wang, X. Nie, Y. Xia, Y. Wu, S.-C. Zhu. Cross-view Action Modeling, '
            'Learning and Recognition. CVPR 2014')

    def items(self) -> list[tuple[str, str]]:
        """Clips by name, each with its file."""
        files = sorted(self.folder.glob('*.json'))
        if not files:
            raise FileNotFoundError(f'{self.folder} holds no *.json; expected the files '
                                    'a01_s01_e00_v01.json ... of NW-UCLA/all_sqe')
        return [(file.stem, str(file)) for file in files]

    def read(self, name: str, handle: str) -> Clip:
        """Read a JSON file."""
        found = parse_name(name, 'nwucla')
        if found is None or found['label'] < 0:
            raise BadClip(f'{handle}: expected a name such as a01_s01_e00_v01, with action 1 to 6, '
                          '8, 9, 11 or 12')
        content = read_json(Path(handle))
        if not isinstance(content, dict) or 'skeletons' not in content:
            raise BadClip(f'{handle} has no skeletons; expected {_FORM}')
        if content.get('file_name') != name:
            own = reprlib.repr(content.get('file_name'))
            raise BadClip(f'{handle} says it is {own}; renamed or mixed up?')
        label = content.get('label')
        if type(label) is not int or label != found['label'] + 1:
            raise BadClip(f'{handle}: label {reprlib.repr(label)}, expected '
                          f'{found["label"] + 1} by its name')
        keypoint = _skeletons(content['skeletons'], handle)
        return Clip(name=name, keypoint=keypoint[None], **found)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """Cross-view in three forms, and odd against even subjects."""
        digests = {clip.name: self._digest(clip.name) for clip in clips}
        train = [clip.name for clip in clips if clip.camera in (1, 2)]
        val = [clip.name for clip in clips if clip.camera == 3]
        seen = {digests[name] for name in train}
        tested = {digests[name] for name in val}
        return dict(
            xview_train=train,
            xview_val=val,
            xview_clean_train=[name for name in train if digests[name] not in tested],
            xview_clean_val=val,
            xview_dedup_train=train,
            xview_dedup_val=[name for name in val if digests[name] not in seen],
            xsub_train=[clip.name for clip in clips if clip.subject % 2],
            xsub_val=[clip.name for clip in clips if not clip.subject % 2])

    def _digest(self, name: str) -> bytes:
        keypoint = self.read(name, str(self.folder / f'{name}.json')).keypoint
        return hashlib.sha256(keypoint.tobytes()).digest()


def _skeletons(rows: Any, path: str) -> np.ndarray:
    values = as_numbers(rows, Path(path), 'skeletons', ndim=3)
    if not len(values) or values.shape[1:] != (20, 3):
        raise BadClip(f'{path}: skeletons of shape {values.shape}, expected {_FORM}')
    return as_floats(values, Path(path), 'skeletons')
