import os
from collections.abc import Sequence
from pathlib import Path

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_names import parse_name
from cocodiff_mm.datasets.converters.ntu_denoise import find_actors
from cocodiff_mm.datasets.converters.ntu_skeleton import read_skeleton
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source
from cocodiff_mm.utils.choices import check_choice

_SUFFIX = '.skeleton'
MISSING_SKELETONS = Path(__file__).parent / 'assets' / 'ntu_missing_skeletons.txt'
# Subjects that train, of 40 and of 106.
_TRAIN_60 = frozenset((1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38))
_TRAIN_120 = _TRAIN_60 | {
    45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89,
    91, 92, 93, 94, 95, 97, 98, 100, 103}
# The largest number of each kind that names have.
_LIMITS = dict(
    ntu60=dict(setup=17, camera=3, subject=40, replication=2),
    ntu120=dict(setup=32, camera=3, subject=106, replication=2))


class NTUSource(Source):
    """NTU RGB+D 60 or 120: one ``.skeleton`` text file per clip.

    Actors are found as published results have it, see
    :func:`~cocodiff_mm.datasets.converters.ntu_denoise.find_actors`. Recordings whose skeletons
    the authors of the set list as missing or incomplete, 302 of NTU RGB+D 60 and 535 of 120, are
    left out. Protocols are the published ones: ``xsub`` by subjects, ``xview`` (60) trains on
    cameras 2 and 3, ``xset`` (120) on set-ups with even numbers.

    Args:
        folders (str | Path | Sequence[str | Path]): Folders of ``S001C001P001R001A001.skeleton``
            and so on; NTU RGB+D 120 is its own and that of 60. Folders within are searched too.
        dataset (str): ``'ntu60'`` or ``'ntu120'``. With ``'ntu60'``, files that only 120 has are
            left out. Defaults to ``'ntu60'``.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the data set is unknown.
    """

    def __init__(self, folders: str | Path | Sequence[str | Path], dataset: str = 'ntu60') -> None:
        check_choice('dataset', dataset, tuple(_LIMITS))
        self.dataset = dataset
        folders = [folders] if isinstance(folders, str | Path) else folders
        self.folders = [Path(folder).expanduser() for folder in folders]
        for folder in self.folders:
            if not folder.is_dir():
                raise FileNotFoundError(f'no such folder: {str(folder)!r}; expected the unpacked '
                                        'skeletons of NTU RGB+D, see docs/data.md')
        self._skipped: dict[str, list[str]] = {}
        self.info = StoreInfo(
            name=dataset, layout='nturgb+d', classes=CLASSES[dataset],
            coordinates=('x', 'y', 'z'),
            units="metres, axes of the camera, a Kinect v2, y up; origin: the first actor's middle "
            'of the spine in its first frame',
            source='.skeleton files of NTU RGB+D, '
            + ' and '.join(str(folder.resolve()) for folder in self.folders),
            licence='Research use, terms of the ROSE Lab at NTU Singapore',
            citation='A. Shahroudy, J. Liu, T.-T. Ng, G. Wang. NTU RGB+D: A Large Scale Dataset '
            'for 3D Human Activity Analysis. CVPR 2016'
            + ('; J. Liu et al. NTU RGB+D 120: A Large-Scale Benchmark for 3D Human Activity '
               'Understanding. TPAMI 2020' if dataset == 'ntu120' else ''),
            options=dict(actors='official denoising, at most two'))

    def items(self) -> list[tuple[str, str]]:
        """Clips by name, each with its file."""
        files = _find_files(self.folders)
        if not files:
            raise FileNotFoundError(
                f'{" and ".join(map(str, self.folders))}: no {_SUFFIX} file, expected '
                f'S001C001P001R001A001{_SUFFIX} ...; unpack the archives of skeletons first')
        missing = set(MISSING_SKELETONS.read_text(encoding='ascii').split())
        items: list[tuple[str, str]] = []
        listed, later = [], []
        for name, file in files:
            if self.dataset == 'ntu60' and _only_in_120(name):
                later.append(name)
            elif name in missing:
                listed.append(name)
            else:
                items.append((name, file))
        self._skipped = {
            'listed by the authors of the set as without a whole skeleton': listed,
            'of NTU RGB+D 120 only': later}
        return items

    def read(self, name: str, handle: str) -> Clip:
        """Read a file and find its actors."""
        known = parse_name(name, self.dataset)
        if known is None or not self._within_limits(known):
            limits = _LIMITS[self.dataset]
            raise BadClip(
                f'{handle}: expected a name such as S001C001P001R001A001{_SUFFIX}, with set-up 1 '
                f'to {limits["setup"]}, camera to {limits["camera"]}, subject to '
                f'{limits["subject"]}, replication to {limits["replication"]} and action to '
                f'{len(CLASSES[self.dataset])}')
        recording = read_skeleton(handle)
        try:
            keypoint, notes = find_actors(recording)
        except ValueError as error:
            raise BadClip(f'{handle}: {error}') from error
        return Clip(name=name, keypoint=keypoint, notes=notes, **known)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """The data set's two protocols."""
        if self.dataset == 'ntu60':
            train = dict(xsub=lambda clip: clip.subject in _TRAIN_60,
                         xview=lambda clip: clip.camera in (2, 3))
        else:
            train = dict(xsub=lambda clip: clip.subject in _TRAIN_120,
                         xset=lambda clip: clip.setup % 2 == 0)
        splits = {}
        for protocol, trains in train.items():
            splits[f'{protocol}_train'] = [clip.name for clip in clips if trains(clip)]
            splits[f'{protocol}_val'] = [clip.name for clip in clips if not trains(clip)]
        return splits

    def skipped(self) -> dict[str, list[str]]:
        """Listed recordings, and those of the other data set."""
        return {reason: names for reason, names in self._skipped.items() if names}

    def _within_limits(self, known: dict[str, int]) -> bool:
        return 0 <= known['label'] < len(CLASSES[self.dataset]) and all(
            1 <= known[key] <= most for key, most in _LIMITS[self.dataset].items())


def _find_files(folders: Sequence[Path]) -> list[tuple[str, str]]:
    """Name and path of all .skeleton files, by name."""
    roots = {folder.resolve(): folder for folder in folders}
    # A folder within another given one is searched with it.
    roots = [folder for root, folder in roots.items() if not roots.keys() & set(root.parents)]
    return sorted((name.removesuffix(_SUFFIX), os.path.join(parent, name))
                  for root in roots for parent, _, names in os.walk(root) for name in names
                  if name.endswith(_SUFFIX))


def _only_in_120(name: str) -> bool:
    known = parse_name(name, 'ntu120')
    return known is not None and (
        known['setup'] > _LIMITS['ntu60']['setup'] or known['label'] >= len(CLASSES['ntu60']))
