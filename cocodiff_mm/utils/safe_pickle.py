import pickle
from pathlib import Path
from typing import Any

# What arrays and their types are rebuilt from, in numpy 1's and numpy 2's spelling.
_NUMPY_MODULES = ('numpy', 'numpy.core.multiarray', 'numpy._core.multiarray',
                  'numpy.core.numeric', 'numpy._core.numeric')
_NUMPY_NAMES = ('ndarray', 'dtype', '_reconstruct', 'scalar', '_frombuffer')
_BUILTINS = ('bytearray', 'complex', 'frozenset', 'range', 'set', 'slice')
_OTHERS = {('collections', 'OrderedDict'), ('_codecs', 'encode')}


class _NumpyUnpickler(pickle.Unpickler):
    """Builds numpy arrays and builtin containers, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = ((module in _NUMPY_MODULES and name in _NUMPY_NAMES)
                   or (module in ('builtins', '__builtin__') and name in _BUILTINS)
                   or (module, name) in _OTHERS)
        if not allowed:
            raise pickle.UnpicklingError(f'it asks for {module}.{name}')
        return super().find_class(module, name)


def load_arrays(path: str | Path) -> Any:
    """Read a pickle of numpy arrays and builtin containers without running code from it.

    Args:
        path (str | Path): The file.

    Returns:
        The pickled object.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken or asks for anything else; the message says what.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no such file: {str(path)!r}')
    try:
        with path.open('rb') as file:
            return _NumpyUnpickler(file).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError,
            TypeError, UnicodeDecodeError, ValueError, MemoryError, OverflowError, SystemError,
            RuntimeError) as error:  # NumPy raises the last two on garbled types of arrays
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) is not a pickle of numpy arrays and builtin '
            f'containers: {error}. If the download was cut short, fetch it again') from error
