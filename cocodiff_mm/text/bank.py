"""Text bank: embeddings of the texts of a label set, the only text file that training reads."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

ASSETS = Path(__file__).parent / 'assets'
# Label set -> file in ASSETS, number of its first classes that belong to the set (None: all).
SHIPPED: dict[str, tuple[str, int | None]] = {
    'ntu120': ('ntu120_minilm.safetensors', None),
    'ntu60': ('ntu120_minilm.safetensors', 60),
    'nwucla': ('nwucla_minilm.safetensors', None),
    'sbu': ('sbu_minilm.safetensors', None),
    'synthetic': ('synthetic_minilm.safetensors', None),
}
_TENSORS = ('fine', 'fine_count', 'coarse', 'coarse_count')
# The header's entries are written in random order: one entry keeps equal banks byte-identical.
_HEADER = 'text_bank'


@dataclass(eq=False)
class TextBank:
    """Embeddings of K classes: F rows of descriptions and C rows of names each, E wide.

    A class may have fewer texts than the tensors have rows; the rows beyond its count are zero.
    All others have length 1.

    Args:
        classes (list[str]): Class names in label order, K of them.
        fine (Tensor): Embedded descriptions, float32, shape (K, F, E).
        fine_count (Tensor): Descriptions per class, int64, shape (K,).
        coarse (Tensor): Embedded label (row 0) and synonyms, float32, shape (K, C, E).
        coarse_count (Tensor): Names per class, int64, shape (K,).
        metadata (dict[str, str]): Provenance: label set, encoder, writer, date, licence, hashes
            of the prompts and of the corpus.

    Raises:
        ValueError: If the shapes, counts or lengths do not fit each other.
    """

    classes: list[str]
    fine: Tensor
    fine_count: Tensor
    coarse: Tensor
    coarse_count: Tensor
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f'class names must differ from each other, got {self.classes}')
        _check_rows('fine', self.fine, self.fine_count, len(self.classes))
        _check_rows('coarse', self.coarse, self.coarse_count, len(self.classes))
        if self.fine.shape[2] != self.coarse.shape[2]:
            raise ValueError(f'fine rows are {self.fine.shape[2]} wide and coarse rows '
                             f'{self.coarse.shape[2]}; embed both with the same encoder')

    @classmethod
    def load(cls, source: str | Path) -> 'TextBank':
        """Read a shipped bank or a bank file.

        Args:
            source (str | Path): Name of a shipped label set (``'ntu120'``, ``'ntu60'``,
                ``'nwucla'``, ``'sbu'``, ``'synthetic'``) or path of a ``.safetensors`` file.

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
        return cls(bank.classes[:first], bank.fine[:first], bank.fine_count[:first],
                   bank.coarse[:first], bank.coarse_count[:first],
                   {**bank.metadata, 'label_set': str(source)})

    def save(self, path: str | Path) -> None:
        """Write the bank; a file of that name is replaced only once all is written.

        Rows are stored in float16. That moves the cosine of two rows by less than 1e-3 and halves
        the file; loading such a file and saving it again gives the same bytes.

        Args:
            path (str | Path): File to write; missing folders are made.
        """
        from safetensors.torch import save

        path = Path(path)
        header = {**self.metadata, 'classes': self.classes}
        data = save(
            {'fine': self.fine.half().contiguous(), 'fine_count': self.fine_count.contiguous(),
             'coarse': self.coarse.half().contiguous(),
             'coarse_count': self.coarse_count.contiguous()},
            {_HEADER: json.dumps(header, sort_keys=True, ensure_ascii=False)})
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
        try:
            draft.write_bytes(data)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    def subset(self, class_names: Sequence[str]) -> 'TextBank':
        """Bank of some of the classes, in the order asked for.

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
        rows = torch.tensor([position[name] for name in class_names], dtype=torch.int64)
        return TextBank(list(class_names), self.fine[rows], self.fine_count[rows],
                        self.coarse[rows], self.coarse_count[rows], dict(self.metadata))

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
    missing = [key for key in _TENSORS if key not in tensors]
    if header is None:
        missing.append(f'header {_HEADER!r}')
    if missing:
        raise ValueError(f'{path}: {", ".join(missing)} missing; this is not a text bank, make '
                         'one with tools/text/encode.py')
    metadata = json.loads(header)
    classes = metadata.pop('classes', None)
    if classes is None:
        raise ValueError(f'{path}: the header has no "classes"; make the bank again with '
                         'tools/text/encode.py')
    try:
        # float16 left rows a little off length 1.
        return TextBank(classes, F.normalize(tensors['fine'].float(), dim=-1),
                        tensors['fine_count'], F.normalize(tensors['coarse'].float(), dim=-1),
                        tensors['coarse_count'], metadata)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def _check_rows(name: str, rows: Tensor, count: Tensor, num_classes: int) -> None:
    if rows.ndim != 3 or rows.shape[0] != num_classes:
        raise ValueError(f'{name} has shape {tuple(rows.shape)}; expected (K, rows, width) '
                         f'with K = {num_classes} classes')
    if tuple(count.shape) != (num_classes,):
        raise ValueError(f'{name}_count has shape {tuple(count.shape)}; '
                         f'expected ({num_classes},)')
    if num_classes and not 1 <= int(count.min()) <= int(count.max()) <= rows.shape[1]:
        raise ValueError(f'{name}_count goes from {int(count.min())} to {int(count.max())}; '
                         f'expected 1 to {rows.shape[1]}, the rows that {name} has')
    used = torch.arange(rows.shape[1])[None] < count[:, None]
    length = rows.norm(dim=-1)
    if not torch.allclose(length, used.to(length), atol=1e-3):
        raise ValueError(f'{name} rows do not have length 1 up to {name}_count and 0 beyond; '
                         'normalise them')
