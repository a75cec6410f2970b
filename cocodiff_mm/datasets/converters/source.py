from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cocodiff_mm.datasets.clip import Clip, StoreInfo


class BadClip(ValueError):
    """A clip that can't be used; the message names its file and says what is wrong."""


@dataclass(frozen=True)
class ClipKey:
    """What splits are made from: a clip's name, label and provenance, -1 where unknown."""

    name: str
    label: int
    subject: int
    camera: int
    setup: int
    replication: int


class Source(ABC):
    """A published or own form of a skeleton data set, to be converted into a store.

    Attributes:
        info (StoreInfo): What the store will say of itself.
        parallel (bool): Whether :meth:`read` is worth several processes; a source is pickled to
            each of them.
    """

    info: StoreInfo
    parallel: ClassVar[bool] = True

    @abstractmethod
    def items(self) -> list[tuple[str, Any]]:
        """Name and handle of every clip, in the order of the store.

        Handles are small, can be pickled and show all that they say in their ``repr``. A name may
        come twice: the second is refused.

        Raises:
            FileNotFoundError: If the source is not there.
            ValueError: If it is of another kind.
        """

    @abstractmethod
    def read(self, name: str, handle: Any) -> Clip:
        """Read one clip; may run in a worker process.

        Raises:
            BadClip: If it can't be used.
        """

    @abstractmethod
    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """Names of clips by split, of those that were read."""

    def files(self, name: str, handle: Any) -> list[Path]:
        """Files that a clip is read from; by default the one that its handle names, if any.

        Where one of them changed since an interrupted conversion, the clip is read again.
        """
        file = file_of(handle)
        return [Path(file)] if file else []

    def skipped(self) -> dict[str, list[str]]:
        """Clips left out on purpose: reason to names. Called after :meth:`items`."""
        return {}

    def remarks(self) -> list[str]:
        """What was guessed or is odd about the source as a whole, one sentence each."""
        return []


def file_of(handle: Any) -> str | None:
    """File of a clip, if its handle is one or starts with one."""
    first = handle[0] if isinstance(handle, tuple) and handle else handle
    return str(first) if isinstance(first, str | Path) else None
