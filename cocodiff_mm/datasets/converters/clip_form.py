from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_files import read_clip_file
from cocodiff_mm.datasets.converters.clip_layout import read_layout
from cocodiff_mm.datasets.converters.source import BadClip


class ClipForm:
    """What all clips of one's own data set have in common.

    Args:
        layout (str | Path): Skeleton: a built-in layout or a JSON file, as in
            :func:`~.clip_layout.read_layout`.
        coordinates (Sequence[str]): Names of the coordinates of a joint.
            Defaults to ``('x', 'y', 'z')``.
        units (str): Unit of the coordinates and where their origin is.
            Defaults to ``'as recorded'``.
        persons (int): Persons in every row of a ``.csv`` file. Defaults to 1.
        scores (bool): Whether clips have confidence scores; all of them are ``.json`` files with
            ``"score"`` then. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such layout.
        ValueError: If an argument is not valid.
    """

    def __init__(self,
                 layout: str | Path,
                 coordinates: Sequence[str] = ('x', 'y', 'z'),
                 units: str = 'as recorded',
                 persons: int = 1,
                 scores: bool = False) -> None:
        self.layout, self.joints = read_layout(layout)
        if len(coordinates) not in (2, 3) or len(set(coordinates)) < len(coordinates):
            raise ValueError(f'coordinates are {list(coordinates)}, expected two or three '
                             'different names, e.g. x y z')
        if persons < 1:
            raise ValueError(f'persons is {persons}, expected 1 or more')
        self.coordinates, self.units = tuple(coordinates), units
        self.persons, self.scores = persons, scores

    def info(self, name: str, classes: Sequence[str], source: str,
             split: dict[str, Any]) -> StoreInfo:
        """What a store of such clips says of itself; ``split`` is how it was split."""
        return StoreInfo(
            name=name, layout=self.layout, classes=tuple(classes), coordinates=self.coordinates,
            units=self.units, source=source, has_score=self.scores,
            options=dict(joints=list(self.joints), split=split))

    def read(self, name: str, path: str, label: int, provenance: dict[str, int]) -> Clip:
        """Read a clip.

        Raises:
            BadClip: If the file is not such a clip.
        """
        if not name.isprintable():
            raise BadClip(f'{ascii(path)}: its name is not plain text; rename it')
        keypoint, score = read_clip_file(
            path, len(self.joints), len(self.coordinates), self.persons)
        if self.scores and score is None:
            raise BadClip(f'{path} has no scores, but the data set is to have them; expected '
                          '{"keypoint": ..., "score": ...}')
        notes = () if self.scores or score is None else ('scores left out',)
        return Clip(name=name, keypoint=keypoint, label=label, score=score if self.scores else None,
                    notes=notes, **provenance)
