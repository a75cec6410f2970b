"""CoCoDiff for MMAction2: import this package and its modules are registered."""

from .dependencies import check_dependencies
from .version import __version__

check_dependencies()

from . import compat  # noqa: E402

compat.apply()  # before any module of mmaction.models is imported

from . import datasets, engine, models  # noqa: E402

__all__ = ['__version__', 'compat', 'datasets', 'engine', 'models']
