"""CoCoDiff for MMAction2: import this package and its modules are registered."""

from .dependencies import check_dependencies
from .version import __version__

check_dependencies()

from . import compat  # noqa: E402

compat.apply()  # before any module of mmaction.models is imported

# TEMPORARY while parts are being written in parallel; becomes
# `from . import datasets, engine, models`
import importlib as _i  # noqa: E402,I001
for _n in ('datasets', 'engine', 'models'):
    try:
        _i.import_module(f'cocodiff_mm.{_n}')
    except ImportError as _e:
        if 'cocodiff_mm' not in str(_e):
            raise

__all__ = ['__version__', 'compat']
