import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_file(path: str | Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Gives a temporary path beside ``path``; when the block ends well it takes the place of
    ``path``, otherwise it is removed and an earlier file stays as it was.

    Args:
        path (str | Path): The file to write; its folder is made if missing.

    Yields:
        Path: Where to write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
