"""Turn a checkpoint that others published into one of this package."""

import argparse
import sys
from pathlib import Path

from cocodiff_mm.engine.launch import run_tool

_SOURCES = {
    'ctrgcn': 'CTR-GCN as its authors save it (.pt)',
    'hdgcn': 'HD-GCN as its authors save it (.pt)',
    'blockgcn': 'BlockGCN as its authors save it (.pt)',
    'mmaction2': "CTR-GCN of MMAction2's project (.pth); MMAction2's ST-GCN, ST-GCN++ and 2s-AGCN "
                 'load as they are',
    'pyskl': 'CTR-GCN, ST-GCN, ST-GCN++ or AAGCN of PYSKL (.pth)',
}
_EPILOG = 'sources:\n' + '\n'.join(f'  {name:10} {what}' for name, what in _SOURCES.items())


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', type=Path, metavar='SRC', help='the checkpoint that was published')
    parser.add_argument('--from', dest='source', choices=list(_SOURCES), required=True,
                        help='who wrote it, see below')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT.pth',
                        help='checkpoint to write')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier file')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    # Only now: the package takes seconds to import.
    from cocodiff_mm.conversion import convert_file

    conversion = convert_file(args.src, args.source, args.out, args.overwrite)
    print('\n'.join(conversion.lines))
    print(f'{args.out}: {len(conversion.state_dict)} tensors, every one of the network')
    options = f' --cfg-options {" ".join(conversion.options)}' if conversion.options else ''
    if conversion.config is None:
        print('no data set of the recipes has these classes and joints; a recipe of your own for '
              f'{conversion.model["backbone"]["type"]} takes it with{options}')
    else:
        print(f'test it with\n  python tools/test.py {conversion.config} {args.out}{options}')
    print('no weights tell the stream and the split that they were trained on: add stream=b, jm or '
          'bm if not joints, and split=')


if __name__ == '__main__':
    sys.exit(run_tool(main))
