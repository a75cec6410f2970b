import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

INSTALL = ("run `pip install 'cocodiff_mm[mm]'`, or in an environment that has full mmcv "
           '`pip install mmaction2 mmengine importlib_metadata`')
# Module -> (name on PyPI, first version that works, first that does not, how to get it).
REQUIRED = {
    'mmengine': ('mmengine', (0, 8), (1, 0), "run `pip install 'mmengine>=0.10.7,<1'`"),
    'mmcv': ('mmcv', (2, 0), (2, 2),
             "run `pip uninstall -y mmcv mmcv-lite` and then `pip install 'mmcv-lite==2.1.0'`"),
    'mmaction': ('mmaction2', (1, 0), (2, 0), "run `pip install 'mmaction2==1.2.0'`"),
}


def check_dependencies() -> None:
    """Refuse an environment that is known not to run MMAction2, in one sentence.

    Raises:
        ImportError: Naming the package, what was found and the command that repairs it.
    """
    for module, (package, *_) in REQUIRED.items():
        if find_spec(module) is None:
            raise ImportError(f'cocodiff_mm needs {package} (found none): {INSTALL}')
    _check_undeclared()
    for module, (package, low, high, command) in REQUIRED.items():
        found = _import(module, package).__version__
        if not low <= parse_version(found) < high:
            raise ImportError(f'cocodiff_mm needs {package} >= {_join(low)}, < {_join(high)} '
                              f'(found {found}): {command}')


def parse_version(text: str) -> tuple[int, int]:
    """Major and minor number of a version such as ``'2.13.0+cpu'``."""
    numbers = re.match(r'(\d+)\.(\d+)', text)
    if numbers is None:
        raise ValueError(f'expected a version such as 1.2.0, got {text!r}')
    return int(numbers[1]), int(numbers[2])


def _check_undeclared() -> None:
    """What MMEngine and MMAction2 import without declaring it."""
    if find_spec('pkg_resources') is None and _mentions('mmengine', 'pkg_resources'):
        raise ImportError('mmengine needs pkg_resources, which setuptools 82 no longer has: run '
                          "`pip install 'setuptools>=77,<82'`")
    if find_spec('importlib_metadata') is None:
        raise ImportError('mmaction2 needs importlib_metadata, which it does not declare (found '
                          'none): run `pip install importlib_metadata`')


def _mentions(package: str, word: str) -> bool:
    """Whether the package's file of installation helpers still uses ``word``."""
    file = Path(find_spec(package).origin).parent / 'utils' / 'package_utils.py'
    return file.is_file() and word in file.read_text(encoding='utf-8')


def _import(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (ImportError, AssertionError) as error:
        raise ImportError(f'cocodiff_mm needs {package}, which is installed but cannot be '
                          f'imported ({error}): `pip check` lists what does not fit') from error


def _join(version: tuple[int, int]) -> str:
    return '.'.join(map(str, version))
