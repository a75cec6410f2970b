from pathlib import Path


def read_classes(path: str | Path) -> list[str]:
    """Read class names in label order.

    Args:
        path (str | Path): Text file, UTF-8, one name a line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, has an empty line or a name twice.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no such file: {str(path)!r}; expected class names, one a line')
    try:
        names = [line.strip() for line in path.read_text(encoding='utf-8').splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is no text in UTF-8: {error}') from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or '' in names or twice:
        wrong = f'{twice[0]!r} is there twice' if twice and twice[0] else 'a line is empty'
        raise ValueError(f'{path}: {wrong}; expected one class name a line, in label order')
    return names
