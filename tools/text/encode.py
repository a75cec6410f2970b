"""Turn a corpus (what was written about the classes) into a text bank (what training reads)."""

import argparse
from pathlib import Path

from cocodiff_mm.text import Corpus, SentenceEncoder, build_bank

ENCODERS = {'minilm': SentenceEncoder}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('corpus', type=Path, help='corpus JSON file')
    parser.add_argument('--out', type=Path, required=True, help='bank to write, *.safetensors')
    parser.add_argument('--encoder', choices=sorted(ENCODERS), default='minilm')
    return parser.parse_args()


def main() -> None:
    """Encode the corpus and write the bank."""
    args = parse_args()
    corpus = Corpus.load(args.corpus)
    encoder = ENCODERS[args.encoder]()
    bank = build_bank(corpus, encoder, encoder.name, encoder.version)
    bank.save(args.out)
    print(f'{args.out}: {len(bank.classes)} classes, {int(bank.fine_count.sum())} fine and '
          f'{int(bank.coarse_count.sum())} coarse rows, {bank.fine.shape[2]} wide, '
          f'{args.out.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
