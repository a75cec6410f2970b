"""Show which classes of a text bank are hard to tell apart: python tools/text/show_bank.py BANK.

Prints whether names and descriptions of a class mean the same, the most similar pairs of classes
and the texts that are nearer to another class; draws the similarities of all classes.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cocodiff_mm.engine.launch import run_tool

if TYPE_CHECKING:
    from cocodiff_mm.text.bank import TextBank
    from cocodiff_mm.text.class_text import ClassText
    from cocodiff_mm.text.collisions import Pair

# More would make a picture that no program opens.
_MOST_PAIRS = 100


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bank', metavar='BANK',
                        help='*.safetensors file, or name of a shipped bank such as ntu120')
    parser.add_argument('--corpus', type=Path, metavar='CORPUS.json',
                        help='what the bank was made of, for the texts (default: the corpus of a '
                        'shipped bank; of other banks, only numbers are shown)')
    parser.add_argument('--out', type=_png, metavar='FILE.png',
                        help='picture (default: beside the bank; of a shipped bank, '
                        'work_dirs/text/NAME.png)')
    parser.add_argument('--pairs', type=_number, default=20, metavar='N',
                        help=f'longest list, 1 to {_MOST_PAIRS} (default: 20)')
    parser.add_argument('--classes', nargs='+', metavar='NAME',
                        help='look only at these classes (default: at all)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Show the bank; the exit status, which is 130 after Ctrl-C."""
    args = parse_args(argv)
    try:
        return run_tool(lambda: _run(args))
    except KeyboardInterrupt:
        print('interrupted; no picture was written', file=sys.stderr)
        return 130


def _run(args: argparse.Namespace) -> None:
    from cocodiff_mm.text.bank import TextBank
    from cocodiff_mm.visualization.text_bank_figure import draw_bank, save_picture

    bank = TextBank.load(args.bank)
    if args.classes:
        bank = bank.subset(args.classes)
    classes = _read_classes(bank, args.corpus or _shipped_corpus(args.bank))
    figure = draw_bank(bank, classes, args.pairs)
    lines = describe(bank, classes, args.pairs)
    out = args.out or _default_picture(args.bank)
    try:
        save_picture(figure, out)
    except OSError as error:
        raise ValueError(f'{out} cannot be written ({error.strerror}); choose another --out'
                         ) from error
    print('\n'.join([*lines, f'Picture: {out}']))


def describe(bank: 'TextBank', classes: 'tuple[ClassText, ...] | None', most: int) -> list[str]:
    """What is printed.

    Args:
        bank (TextBank): The bank.
        classes (tuple[ClassText, ...], optional): Texts of its classes, if they are known.
        most (int): Longest list.

    Returns:
        list[str]: Lines: the most similar pairs, collisions, and how many find their own class.
    """
    from cocodiff_mm.text.collisions import sanity, stray_texts, worst_pairs
    from cocodiff_mm.text.review import stray_lines, taken_lines

    found, pairs = sanity(bank), worst_pairs(bank, most)
    total = len(bank.classes) * (len(bank.classes) - 1) // 2
    lines = [f'Most similar classes by their names and by their descriptions, {len(pairs)} of '
             f'{total} pairs:']
    for pair in pairs:
        lines += _pair_lines(pair, bank, classes)
    lines += ['', *taken_lines(found.taken, bank, classes, most),
              *stray_lines(stray_texts(bank), bank, classes, most)]
    encoder = bank.metadata.get('encoder', 'unknown encoder')
    return [*lines, f'{bank.metadata.get("label_set", "text bank")}, {encoder}, {bank.width} '
                    f'wide: {found}']


def _pair_lines(pair: 'Pair', bank: 'TextBank',
                classes: 'tuple[ClassText, ...] | None') -> list[str]:
    first, second = bank.classes[pair.first], bank.classes[pair.second]
    lines = [f'  {pair.coarse:5.3f}  {pair.fine:5.3f}  {first!r} and {second!r}']
    if classes is not None:
        for texts in (pair.coarse_texts, pair.fine_texts):
            lines += [f'                {ref.read(classes)}' for ref in texts]
    return lines


def _read_classes(bank: 'TextBank', path: Path | None) -> 'tuple[ClassText, ...] | None':
    """Texts of the classes of a bank, from the corpus that it was made of."""
    from cocodiff_mm.text.corpus import Corpus

    if path is None:
        return None
    corpus, made_of = Corpus.load(path, check=False), bank.metadata.get('corpus_sha256')
    if made_of is None:
        raise ValueError('the bank does not say which corpus it was made of; leave --corpus out')
    if made_of != corpus.sha256:
        raise ValueError(
            f'{path}: its content has sha256 {corpus.sha256}, and the bank was made of a corpus of '
            f'{made_of}; give that one, or encode this one with tools/text/encode.py')
    return corpus.select(bank.classes).classes


def _shipped_corpus(name: str) -> Path | None:
    from cocodiff_mm.text.bank import ASSETS, SHIPPED

    if name not in SHIPPED:
        return None
    return ASSETS / f'{SHIPPED[name][0].rpartition("_")[0]}.json'


def _default_picture(name: str) -> Path:
    from cocodiff_mm.text.bank import SHIPPED

    if name in SHIPPED:
        return Path('work_dirs', 'text', f'{name}.png')
    return Path(name).with_suffix('.png')


def _png(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != '.png':
        raise argparse.ArgumentTypeError(f'expected the name of a .png file, got {text!r}')
    return path


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PAIRS:
        raise argparse.ArgumentTypeError(f'expected a number from 1 to {_MOST_PAIRS}, got {text!r}')
    return int(text)


if __name__ == '__main__':
    sys.exit(main())
