import _compat_pickle
import codecs
import collections
import os
import pathlib
import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer

from cocodiff_mm.dependencies import parse_version
from cocodiff_mm.utils.files import replace_file

GUEST_PREFIX = 'neck.'
# torch.serialization.safe_globals takes names from here on; older versions get our unpickler.
NAMED_GLOBALS = (2, 7)
_STATISTICS = ('min', 'max', 'current', 'mean')


def _history_statistic(owner: type, name: str) -> Callable:
    """``getattr`` as pickled history buffers need it, and for nothing else."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'Unsupported global: GLOBAL builtins.getattr({owner!r}, '
                                     f'{name!r})')
    return getattr(owner, name)


def _plain_dict(factory: object = None) -> dict:
    """``defaultdict`` comes back as a dict: torch's reader fills no other kind."""
    return {}


def _allowed_globals() -> dict[str, Any]:
    """What a checkpoint may name, beyond tensors: name in the file -> object."""
    rebuild = [np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0]]
    allowed = {
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'builtins.getattr': _history_statistic,
        '_codecs.encode': codecs.encode,  # bytes
        'collections.OrderedDict': collections.OrderedDict,
        'collections.defaultdict': _plain_dict,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
        'torch.Size': torch.Size,
        'torch.device': torch.device,
    }
    allowed.update({f'builtins.{kind.__name__}': kind for kind in (
        bool, bytearray, complex, dict, float, frozenset, int, list, range, set, slice, str,
        tuple)})
    # Files written with numpy 1 and with numpy 2 name the same functions differently.
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        allowed.update({f'{module}.{function.__name__}': function for function in rebuild})
    for kind in {type(np.dtype(code)) for code in '?bBhHiIlLqQefdFDSU'}:
        allowed[f'{kind.__module__}.{kind.__name__}'] = kind
    for module in ('pathlib', 'pathlib._local'):
        # A path of the other system is data too.
        allowed.update({f'{module}.PosixPath': pathlib.Path, f'{module}.WindowsPath': pathlib.Path,
                        f'{module}.PurePosixPath': pathlib.PurePosixPath,
                        f'{module}.PureWindowsPath': pathlib.PureWindowsPath})
    return allowed


ALLOWED = _allowed_globals()


class RestrictedPickle:
    """A ``pickle_module`` for ``torch.load`` before version 2.7: names of ``ALLOWED`` only."""

    class Unpickler(pickle.Unpickler):
        """Looks names up in a list, never in a module."""

        def find_class(self, module: str, name: str) -> Any:
            from torch._weights_only_unpickler import _get_allowed_globals

            # Files are written in pickle protocol 2, with Python 2's names of builtins.
            module, name = _compat_pickle.NAME_MAPPING.get(
                (module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name))
            full = f'{module}.{name}'
            allowed = {**_get_allowed_globals(), **ALLOWED}
            if full not in allowed:
                raise pickle.UnpicklingError(f'Unsupported global: GLOBAL {full}')
            return allowed[full]

    @classmethod
    def load(cls, file: Any, encoding: str = 'utf-8') -> Any:
        """Read one object, as ``torch.load`` asks of the old file format."""
        return cls.Unpickler(file, encoding=encoding).load()


def load_checkpoint(filename: str | Path, map_location: Any = 'cpu') -> Any:
    """Read a checkpoint file without running code from it.

    Args:
        filename (str | Path): Checkpoint of MMEngine, or any file of tensors, numpy arrays and
            builtin containers.
        map_location: As of ``torch.load``. Defaults to ``'cpu'``.

    Returns:
        The checkpoint, usually a dict with ``meta`` and ``state_dict``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, or names something a checkpoint has no use for.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no such checkpoint: {str(path)!r}')
    try:
        if parse_version(torch.__version__) < NAMED_GLOBALS:
            return torch.load(path, map_location=map_location, pickle_module=RestrictedPickle)
        names = [(kind, name) for name, kind in ALLOWED.items()]
        with torch.serialization.safe_globals(names):
            return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(_refusal(path, str(error))) from error
    except (RuntimeError, EOFError, OSError, LookupError, TypeError, AttributeError, ValueError,
            AssertionError, struct.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if 'CUDA' in reason:
            raise
        raise ValueError(_broken(path, reason)) from error


def load_from_url(url: str, map_location: Any = 'cpu') -> Any:
    """Download a checkpoint, once, into torch's cache and read it with ``load_checkpoint``.

    Args:
        url (str): Where it is, ``http://`` or ``https://``.
        map_location: As of ``torch.load``. Defaults to ``'cpu'``.

    Returns:
        The checkpoint.

    Raises:
        ValueError: If the file is broken, or names something a checkpoint has no use for.
    """
    path = Path(torch.hub.get_dir(), 'checkpoints', Path(urlparse(url).path).name)
    if is_main_process() and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), progress=os.isatty(0))
    barrier()
    if not path.is_file():  # another machine's cache
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), progress=False)
    return load_checkpoint(path, map_location)


def _refusal(path: Path, message: str) -> str:
    reason = message.rpartition('WeightsUnpickler error:')[2].strip()
    wanted = re.search(r'GLOBAL ([\w.]+)', reason)
    if wanted is None or not _is_whole(wanted[1].rpartition('.')[2], path):
        return _broken(path, reason.splitlines()[0])
    return (f'{path} was not loaded: it asks for {wanted[1]}, which may run code and which no '
            'checkpoint of weights needs. If you trust where it comes from, save its state_dict '
            'alone with torch.save there, and use that file')


def _is_whole(name: str, path: Path) -> bool:
    """Whether a name ends where it does in the file, and not because the file was cut there."""
    return bool(name) and (zipfile.is_zipfile(path) or f'\n{name}\n'.encode() in path.read_bytes())


def _broken(path: Path, reason: str) -> str:
    # Libraries go on to guess at causes.
    what = re.split(r'\.(?:\s|$)', reason)[0]
    return (f'{path} ({path.stat().st_size} bytes) is not a readable checkpoint: {what}. It may '
            'have been cut short: fetch or write it again, or resume from an older one')


def save_checkpoint_atomic(obj: Any, path: str | Path) -> None:
    """``torch.save`` that leaves either the whole new file or the old one.

    Args:
        obj: What to save.
        path (str | Path): The file; its folder is made if missing.
    """
    with replace_file(path) as temporary:
        with temporary.open('wb') as file:
            torch.save(obj, file)
            file.flush()
            os.fsync(file.fileno())


def without_guest(state_dict: Mapping[str, Any]) -> collections.OrderedDict:
    """A state dict without the keys of the neck, in the same order."""
    kept = collections.OrderedDict(
        (key, value) for key, value in state_dict.items() if not key.startswith(GUEST_PREFIX))
    metadata = getattr(state_dict, '_metadata', None)
    if metadata is not None:  # versions of modules, which load_state_dict looks at
        kept._metadata = metadata
    return kept
