import numpy as np

from cocodiff_mm.datasets.clip import UNKNOWN
from cocodiff_mm.datasets.converters.source import ClipKey

_FRACTION = 0.2


def check_fraction(fraction: float | None) -> float:
    """The fraction that is held out, 0.2 if None.

    Raises:
        ValueError: If it is not between 0 and 1.
    """
    if fraction is None:
        return _FRACTION
    if not 0 < fraction < 1:
        raise ValueError(f'val_fraction is {fraction}, expected a part between 0 and 1, e.g. 0.2')
    return fraction


def hold_out(clips: list[ClipKey], fraction: float, seed: int) -> dict[str, list[str]]:
    """Split clips at random, the same way every time.

    Where the subjects of all clips are known, whole subjects are held out, as many as give the
    fraction: a person on both sides would make the test too easy. Otherwise that fraction
    of each class is, at least one clip and never all.

    Args:
        clips (list[ClipKey]): What to split.
        fraction (float): Part of the clips that is held out.
        seed (int): Another seed, another split.

    Returns:
        dict[str, list[str]]: Names of ``train`` and ``val``, in the order of the clips.
    """
    subjects = {clip.subject for clip in clips}
    if UNKNOWN not in subjects and len(subjects) > 1:
        held = _of_subjects(clips, fraction, seed)
    else:
        held = _of_classes(clips, fraction, seed)
    return dict(train=[clip.name for clip in clips if clip.name not in held],
                val=[clip.name for clip in clips if clip.name in held])


def held_out_remarks(split: dict[str, list[str]]) -> list[str]:
    """A sentence where nothing was held out."""
    if split['val']:
        return []
    return ['nothing is held out, so val is empty: no class has more than one clip; add clips, or '
            'say what is held out (own clips: --val-list or folders train/ and val/; a table: its '
            'column split)']


def _of_subjects(clips: list[ClipKey], fraction: float, seed: int) -> set[str]:
    subjects = sorted({clip.subject for clip in clips})
    held: set[str] = set()
    for subject in np.random.default_rng(seed).permutation(subjects)[:-1]:
        held |= {clip.name for clip in clips if clip.subject == subject}
        if len(held) >= fraction * len(clips):
            break
    return held


def _of_classes(clips: list[ClipKey], fraction: float, seed: int) -> set[str]:
    held: set[str] = set()
    for label in sorted({clip.label for clip in clips}):
        names = sorted(clip.name for clip in clips if clip.label == label)
        count = min(max(round(fraction * len(names)), 1), len(names) - 1)
        # A class keeps its split whatever the other classes hold.
        order = np.random.default_rng([seed, label]).permutation(len(names))
        held |= {names[i] for i in order[:count]}
    return held
