import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

from cocodiff_mm.datasets.converters.source import Source


def clip_stamps(source: Source, items: list[tuple[str, Any]]) -> dict[str, str]:
    """What tells whether a clip is still the one that an interrupted conversion read.

    Args:
        source (Source): Where the clips come from.
        items (list[tuple[str, Any]]): Name and handle of each.

    Returns:
        dict[str, str]: By name a digest of the handle and of the size and time of the last change
        of every file that the clip is read from.
    """
    # One file may hold all clips.
    state = cache(_state)
    return {name: _digest((handle, [state(file) for file in source.files(name, handle)]))
            for name, handle in items}


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # not there; reading the clip says so, with its reason
        return None
    return found.st_size, found.st_mtime_ns


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode('utf-8', 'backslashreplace')).hexdigest()[:16]
