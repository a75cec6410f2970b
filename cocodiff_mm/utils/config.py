import difflib
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config

# Config files read these through '{{$COCODIFF_NAME:default}}', in every base at once; a plain
# --cfg-options override would come after the bases had used the old value.
PREFIX = 'COCODIFF_'
VARIABLES = ('stream', 'split', 'sampling')


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a recipe with command-line overrides.

    Besides MMEngine's dotted keys, the variables ``stream``, ``split`` and ``sampling`` of a
    recipe may be set: every part of the recipe that uses them follows.

    Args:
        path (str | Path): Config file.
        options (Mapping, optional): Overrides by dotted key, as of ``--cfg-options``.

    Returns:
        Config: The recipe.

    Raises:
        FileNotFoundError: If there is no such file; names alike are suggested.
        ValueError: If a variable is set that the recipe does not have.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        names = [p.name for p in path.parent.glob('*.py')] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names) or sorted(names)
        hint = f'; there are: {", ".join(near)}' if near else ''
        raise FileNotFoundError(f'no such config: {str(path)!r}{hint}')
    options = dict(options or {})
    variables = {name: options.pop(name) for name in VARIABLES if name in options}
    with _environment({PREFIX + name.upper(): str(value) for name, value in variables.items()}):
        cfg = Config.fromfile(path)
    unknown = [name for name in variables if PREFIX + name.upper() not in cfg.env_variables]
    if unknown:
        raise ValueError(f'{path} has no variable {", ".join(unknown)}; override the keys '
                         'themselves, e.g. train_dataloader.dataset.split=...')
    cfg.merge_from_dict(options)
    return cfg


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
