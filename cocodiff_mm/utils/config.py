import difflib
import inspect
import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from cocodiff_mm.utils.choices import check_choice

# Config files read these through '{{$COCODIFF_NAME:default}}', in every base at once; a plain
# --cfg-options override would come after the bases had used the old value.
PREFIX = 'COCODIFF_'
_VALUES = dict(stream=('j', 'b', 'jm', 'bm'), sampling=('official', 'pyskl'))
# Other parts of a recipe are computed from these.
FACTS = ('label_set', 'num_classes', 'num_person', 'layout', 'clip_len', 'cocodiff_neck',
         'cocodiff_hooks')
VARIABLES = ('backbone', 'data', 'split', 'stream', 'sampling', 'schedule')


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a recipe with command-line overrides.

    Besides MMEngine's dotted keys, the variables of a recipe may be set (``VARIABLES``): every part
    of the recipe that uses them follows.

    Args:
        path (str | Path): Config file.
        options (Mapping, optional): Overrides by dotted key, as of ``--cfg-options``.

    Returns:
        Config: The recipe.

    Raises:
        FileNotFoundError: If there is no such file; names alike are suggested.
        ValueError: If a variable is set that the recipe does not have, or to a value that it does
            not know, or an override has no effect.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        names = [p.name for p in path.parent.glob('*.py')] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names) or sorted(names)
        hint = f'; there are: {", ".join(near)}' if near else ''
        raise FileNotFoundError(f'no such config: {str(path)!r}{hint}')
    options = dict(options or {})
    variables = recipe_variables(options)
    options = {key: value for key, value in options.items() if key not in VARIABLES}
    with _environment({PREFIX + name.upper(): value for name, value in variables.items()}):
        try:
            cfg = Config.fromfile(path)
        except FileNotFoundError as error:
            raise _unknown_value(error, variables) from error
    unknown = [name for name in variables if PREFIX + name.upper() not in cfg.env_variables
               and PREFIX + name.upper() not in os.environ]
    if unknown:
        raise ValueError(_no_variable(path, unknown, variables))
    _check_keys(options, cfg)
    cfg.merge_from_dict(options)
    return cfg


def recipe_variables(options: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Variables of recipes that are set, by overrides or by the environment.

    Args:
        options (Mapping, optional): Overrides by dotted key, as of ``--cfg-options``.

    Returns:
        dict[str, str]: Values by name, in the order of ``VARIABLES``.
    """
    found = {name: (options or {}).get(name, os.environ.get(PREFIX + name.upper()))
             for name in VARIABLES}
    found = {name: str(value) for name, value in found.items() if value is not None}
    for name, value in found.items():
        if not re.fullmatch(r'[\w-]+', value):
            raise ValueError(f'{name}={value!r}, expected one word of letters and digits')
        if name in _VALUES:
            check_choice(name, value, _VALUES[name])
    return found


def _check_keys(options: Mapping[str, Any], cfg: Config) -> None:
    """Refuse overrides that nothing would read, or that come too late."""
    known = {*inspect.signature(Runner.__init__).parameters, *cfg, *VARIABLES}
    for option in options:
        key = option.partition('.')[0]
        if key not in known:
            near = difflib.get_close_matches(key, known)
            hint = f'; did you mean {" or ".join(near)}?' if near else ''
            raise ValueError(f'--cfg-options {option}: a recipe has no {key!r}{hint}')
        if key in FACTS and key in cfg:
            raise ValueError(f'--cfg-options {option}: other parts of the recipe are made of '
                             f'{key!r} and would not follow; choose data=..., override the parts '
                             'themselves, or set it in a recipe of your own')


def _no_variable(path: Path, unknown: list[str], variables: Mapping[str, str]) -> str:
    data = f' with data={variables["data"]}' if set(variables) - set(unknown) >= {'data'} else ''
    hint = 'its files in configs/ name their variables in the first lines'
    if 'data' in unknown:
        hint += '; configs/ctrgcn.py, hdgcn.py and blockgcn.py take any data'
    return f'{path}{data} has no variable {", ".join(unknown)}; {hint}'


def _unknown_value(error: FileNotFoundError, variables: Mapping[str, str]) -> Exception:
    """What to say of a base that is missing because of the value of a variable."""
    missing = re.search(r'[\'"]([^\'"]+)[\'"]', str(error))
    file = Path(missing[1]) if missing else Path()
    for name, value in variables.items():
        if value == file.stem:
            known = sorted(path.stem for path in file.parent.glob('*.py'))
        elif value == file.parent.name:
            known = sorted(path.name for path in file.parent.parent.iterdir()
                           if (path / file.name.replace(value, path.name)).is_file())
        else:
            continue
        return ValueError(f'unknown {name}={value!r}; there are: {", ".join(known)}')
    return error


@contextmanager
def _environment(values: Mapping[str, str]):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
