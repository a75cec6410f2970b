"""Text bank: embeddings of the texts of a label set, the only text file that training reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.files import replace_file

from .class_text import PARTS
from .selection import select_rows

ASSETS = Path(__file__).parent / 'assets'
# Label set -> file in ASSETS, number of its first classes that belong to the set (None: all).
SHIPPED: dict[str, tuple[str, int | None]] = {
    'ntu120': ('ntu120_minilm.safetensors', None),
    'ntu60': ('ntu120_minilm.safetensors', 60),
    'kinetics400': ('kinetics400_minilm.safetensors', None),
    'nwucla': ('nwucla_minilm.safetensors', None),
    'sbu': ('sbu_minilm.safetensors', None),
    'utd_mhad': ('utd_mhad_minilm.safetensors', None),
    'synthetic': ('synthetic_minilm.safetensors', None),
}
# Numbers of a row in a file. Rows have length 1, so integers without a scale are enough.
DTYPES = (torch.float16, torch.int8)
_ROWS = ('fine', 'coarse', 'parts')
_COUNTS = ('fine_count', 'coarse_count')
_NEEDED = ('fine', 'fine_count', 'coarse', 'coarse_count')
# The header's entries are written in random order: one entry keeps equal banks byte-identical.
_HEADER = 'text_bank'


@dataclass(eq=False)
class TextBank:
    """Embeddings of K classes: F rows of descriptions and C rows of names each, E wide.

    A class may have fewer texts than the tensors have rows; the rows beyond its count are zero.
    All others have length 1.

    Example:
        >>> bank = TextBank.load('ntu120')
        >>> condition = bank.select('fine', labels, 'random')  # (B, E)

    Args:
        classes (list[str]): Class names in label order, K of them.
        fine (Tensor): Embedded descriptions, float32, shape (K, F, E).
        fine_count (Tensor): Descriptions per class, int64, shape (K,).
        coarse (Tensor): Embedded label (row 0) and synonyms, float32, shape (K, C, E).
        coarse_count (Tensor): Names per class, int64, shape (K,).
        parts (Tensor, optional): Embedded phrases of the body parts in the order of
            ``class_text.PARTS``, float32, shape (K, 7, E).
        metadata (dict[str, str]): Provenance: label set, encoder, writer, date, licence, ids and
            hashes of the prompts, hash of the corpus.

    Raises:
        ValueError: If the shapes, counts or lengths do not fit each other.
    """

    classes: list[str]
    fine: Tensor
    fine_count: Tensor
    coarse: Tensor
    coarse_count: Tensor
    parts: Tensor | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f'class names must differ from each other, got {self.classes}')
        _check_rows('fine', self.fine, self.fine_count, len(self.classes))
        _check_rows('coarse', self.coarse, self.coarse_count, len(self.classes))
        if self.fine.shape[2] != self.coarse.shape[2]:
            raise ValueError(f'fine rows are {self.fine.shape[2]} wide and coarse rows '
                             f'{self.coarse.shape[2]}; embed both with the same encoder')
        if self.parts is not None:
            shape = (len(self.classes), len(PARTS), self.width)
            if tuple(self.parts.shape) != shape:
                raise ValueError(f'parts has shape {tuple(self.parts.shape)}; expected {shape}, a '
                                 f'row for each of {", ".join(PARTS)}')
            _check_rows('parts', self.parts, torch.full(shape[:1], len(PARTS)), len(self.classes))

    @classmethod
    def load(cls, source: str | Path) -> 'TextBank':
        """Read a shipped bank or a bank file.

        Args:
            source (str | Path): Name of a shipped label set (``'ntu120'``, ``'ntu60'``,
                ``'kinetics400'``, ``'nwucla'``, ``'sbu'``, ``'utd_mhad'``, ``'synthetic'``) or
                path of a ``.safetensors`` file.

        Returns:
            TextBank: The bank, in float32 on the CPU.

        Raises:
            FileNotFoundError: If the path does not exist.
            ValueError: If the name is unknown, or the file is broken or not a text bank.
        """
        path, first = _resolve(source)
        bank = _read(path)
        if first is None:
            return bank
        metadata = {**bank.metadata, 'label_set': str(source)}
        return replace(bank._take(slice(first)), metadata=metadata)

    def save(self, path: str | Path, dtype: torch.dtype = torch.float16) -> None:
        """Write the bank; a file of that name is replaced only once all is written.

        Loading a file and saving it again with the same ``dtype`` gives the same bytes.

        Args:
            path (str | Path): File to write; missing folders are made.
            dtype (torch.dtype): Numbers of the rows: ``torch.float16`` moves the cosine of two
                rows by less than 1e-3, ``torch.int8`` by less than 1e-2 in half the space.

        Raises:
            ValueError: If ``dtype`` is neither.
        """
        from safetensors.torch import save

        if dtype not in DTYPES:
            raise ValueError(f'dtype must be one of {DTYPES}, got {dtype}')
        tensors = {name: getattr(self, name).contiguous() for name in _COUNTS}
        for name in _ROWS:
            rows = getattr(self, name)
            if rows is not None:
                tensors[name] = _shortened(rows, dtype).contiguous()
        header = {**self.metadata, 'classes': self.classes}
        data = save(tensors, {_HEADER: json.dumps(header, sort_keys=True, ensure_ascii=False)})
        with replace_file(path) as draft:
            draft.write_bytes(data)

    @property
    def width(self) -> int:
        """int: Numbers E of an embedding."""
        return self.fine.shape[2]

    @property
    def fine_mask(self) -> Tensor:
        """Tensor: True where a class has a description, shape (K, F)."""
        return _mask(self.fine, self.fine_count)

    @property
    def coarse_mask(self) -> Tensor:
        """Tensor: True where a class has a name, shape (K, C)."""
        return _mask(self.coarse, self.coarse_count)

    def select(self, kind: str, labels: Tensor, choice: str = 'random') -> Tensor:
        """One text per sample.

        Args:
            kind (str): ``'fine'`` or ``'coarse'``.
            labels (Tensor): Class indices, int64, shape (B,).
            choice (str): ``'random'``, ``'mean'`` or ``'first'`` of the texts of the class.

        Returns:
            Tensor: Embeddings of length 1, shape (B, E).

        Raises:
            ValueError: If ``kind`` or ``choice`` is another one.
        """
        check_choice('kind', kind, ('fine', 'coarse'))
        return select_rows(getattr(self, kind), getattr(self, f'{kind}_count'), labels, choice)

    def subset(self, class_names: Sequence[str]) -> 'TextBank':
        """Bank of some of the classes, in the order asked for, such as the unseen ones.

        Args:
            class_names (Sequence[str]): Names of classes of this bank.

        Returns:
            TextBank: Their rows.

        Raises:
            ValueError: If a name is not in the bank.
        """
        position = {name: index for index, name in enumerate(self.classes)}
        missing = [name for name in class_names if name not in position]
        if missing:
            raise ValueError(f'{missing} not in the text bank; its classes are {self.classes}')
        return self._take([position[name] for name in class_names])

    def _take(self, rows: slice | list[int]) -> 'TextBank':
        classes = self.classes[rows] if isinstance(rows, slice) else [
            self.classes[row] for row in rows]
        return TextBank(
            classes, self.fine[rows], self.fine_count[rows], self.coarse[rows],
            self.coarse_count[rows], None if self.parts is None else self.parts[rows],
            dict(self.metadata))

    def check_classes(self, names: Sequence[str], source: str) -> None:
        """Refuse a bank whose classes are not those of the dataset in the same order.

        Args:
            names (Sequence[str]): Class names in the dataset's label order.
            source (str): Where ``names`` come from, for the message.

        Raises:
            ValueError: Naming the first class that differs, or both numbers of classes.
        """
        for index, (ours, theirs) in enumerate(zip(self.classes, names, strict=False)):
            if ours != theirs:
                raise ValueError(
                    f'class {index} is {ours!r} in the text bank and {theirs!r} in {source}; use '
                    f'the bank of that label set, or TextBank.subset to put it in order')
        if len(self.classes) != len(names):
            raise ValueError(
                f'the text bank has {len(self.classes)} classes and {source} has {len(names)}; '
                f'use the bank of that label set, or TextBank.subset to cut it')


def _resolve(source: str | Path) -> tuple[Path, int | None]:
    if source in SHIPPED:
        name, first = SHIPPED[source]
        return ASSETS / name, first
    path = Path(source)
    if path.suffix != '.safetensors' and not path.exists():
        raise ValueError(f'no text bank named {str(source)!r}; shipped are {", ".join(SHIPPED)}, '
                         'or give the path of a .safetensors file')
    return path, None


def _read(path: Path) -> TextBank:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f'no text bank at {path}; make one with tools/text/encode.py')
    try:
        with safe_open(path, framework='pt') as file:
            header = (file.metadata() or {}).get(_HEADER)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f'{path}: truncated, or not a safetensors file ({error}); copy it again '
                         'or make it with tools/text/encode.py') from error
    missing = [key for key in _NEEDED if key not in tensors]
    if header is None:
        missing.append(f'header {_HEADER!r}')
    if missing:
        raise ValueError(f'{path}: {", ".join(missing)} missing; this is not a text bank, make '
                         'one with tools/text/encode.py')
    classes, metadata = _read_header(header, path)
    try:
        # Short numbers left rows off length 1.
        rows = {key: F.normalize(tensors[key].float(), dim=-1)
                for key in _ROWS if key in tensors}
        return TextBank(classes, **rows, **{key: tensors[key] for key in _COUNTS},
                        metadata=metadata)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def _read_header(header: str, path: Path) -> tuple[list[str], dict[str, str]]:
    try:
        metadata = json.loads(header)
        classes = metadata.pop('classes')
        whole = all(isinstance(text, str) for text in (*classes, *metadata.values()))
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError):
        whole = False
    if not whole or not isinstance(classes, list):
        raise ValueError(f'{path}: the header is damaged, or has no list of "classes"; make the '
                         'bank again with tools/text/encode.py')
    return classes, metadata


def _shortened(rows: Tensor, dtype: torch.dtype) -> Tensor:
    if dtype == torch.float16:
        return rows.half()
    largest = rows.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    return (rows * (127 / largest)).round().to(torch.int8)


def _mask(rows: Tensor, count: Tensor) -> Tensor:
    return torch.arange(rows.shape[1], device=count.device)[None] < count[:, None]


def _check_rows(name: str, rows: Tensor, count: Tensor, num_classes: int) -> None:
    if rows.ndim != 3 or rows.shape[0] != num_classes:
        raise ValueError(f'{name} has shape {tuple(rows.shape)}; expected (K, rows, width) '
                         f'with K = {num_classes} classes')
    if tuple(count.shape) != (num_classes,) or count.dtype != torch.int64:
        raise ValueError(f'{name}_count has shape {tuple(count.shape)} and is {count.dtype}; '
                         f'expected ({num_classes},) and torch.int64')
    if num_classes and not 1 <= int(count.min()) <= int(count.max()) <= rows.shape[1]:
        raise ValueError(f'{name}_count goes from {int(count.min())} to {int(count.max())}; '
                         f'expected 1 to {rows.shape[1]}, the rows that {name} has')
    length = rows.norm(dim=-1)
    if not torch.allclose(length, _mask(rows, count).to(length), atol=1e-3):
        raise ValueError(f'{name} rows do not have length 1 up to {name}_count and 0 beyond; '
                         'normalise them')
