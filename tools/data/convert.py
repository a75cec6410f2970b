"""Make a skeleton store of downloaded or own data."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

_MOST_BAD = 20
_EPILOG = '''Every SOURCE has options of its own: python tools/data/convert.py SOURCE --help.
An interrupted conversion goes on where it stopped when the same command is given again.'''


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest='source', required=True, metavar='SOURCE')
    for name, (what, add_arguments, build) in VERBS.items():
        verb = verbs.add_parser(name, help=what, description=f'From {what}.')
        add_arguments(verb)
        _add_common_arguments(verb)
        verb.set_defaults(build=build)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        return _run(args)
    except KeyboardInterrupt:
        return _fail('interrupted; the same command goes on where it stopped')


def _run(args: argparse.Namespace) -> int:
    # Only now: the package takes seconds to import.
    from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
    from cocodiff_mm.datasets.converters.workers import WorkerDied

    started = time.monotonic()
    try:
        report = convert(
            args.build(args), args.to, processes=args.processes, tolerate=args.tolerate,
            overwrite=args.overwrite, pre_normalize=args.pre_normalize, dtype=args.dtype,
            show=True)
    except TooManyBadClips as error:
        return _fail(f'{error.report.text(_MOST_BAD)}\n{error}')
    except WorkerDied as error:
        return _fail(f'{error}; the same command goes on where it stopped')
    except OSError as error:
        return _fail(error.strerror if error.strerror and not error.filename else str(error))
    except ValueError as error:
        return _fail(str(error))
    print(report.text(_MOST_BAD))
    print(_summary(args.to, report, time.monotonic() - started))
    return 0


def _summary(path: str, report, seconds: float) -> str:
    converted, taken_up = report.clips - report.taken_up, report.taken_up
    size = sum(file.stat().st_size for file in Path(path).expanduser().iterdir())
    before = f', {taken_up} more were there from an interrupted run' if taken_up else ''
    if report.forgotten:
        before += (f'; {report.forgotten} others were there and made anew, for the source changed '
                   'meanwhile')
    return (f'{path}: {size / 1e6:.1f} MB; {converted} clips in {seconds:.0f} s, '
            f'{converted / max(seconds, 1e-9):.0f} per second{before}')


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f'expected a number from {least}, got {text!r}')
        return int(text)
    return number


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--to', required=True, metavar='STORE', help='store to make, a folder')
    parser.add_argument('--processes', type=_at_least(1), metavar='N',
                        help='processes that read clips (default: as many as cores)')
    parser.add_argument('--tolerate', type=_at_least(0), default=0, metavar='N',
                        help='make the store though up to N clips are bad (default: 0)')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier store')
    parser.add_argument('--dtype', choices=('float32', 'float16'),
                        help='precision (default: float32, or as the source has it)')
    parser.add_argument('--pre-normalize', action='store_true',
                        help='put 3-D joints into the axes of the body once and for all')


def _add_folder(what: str) -> Callable[[argparse.ArgumentParser], None]:
    return lambda parser: parser.add_argument('folder', help=what)


def _add_ntu(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folders', nargs='+', metavar='FOLDER',
                        help='folders of *.skeleton files; NTU RGB+D 120 comes in two')
    parser.add_argument('--set', required=True, choices=('ntu60', 'ntu120'), help='data set')


def _ntu(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.ntu import NTUSource
    return NTUSource(args.folders, args.set)


def _add_pyskl(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='skeleton pickle, e.g. ntu60_3d.pkl')
    parser.add_argument('--layout', help='built-in layout, or a JSON file of joints and bones '
                        '(default: by the number of joints)')
    names = parser.add_mutually_exclusive_group()
    names.add_argument('--set', metavar='LABEL_SET', help='whose class names the labels index, '
                       "e.g. ntu60 (default: by the file's name)")
    _add_classes(names)


def _pyskl(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.clip_layout import read_layout
    from cocodiff_mm.datasets.converters.pyskl_pickle import PickleSource
    return PickleSource(args.file, label_set=args.set, classes=_classes(args),
                        layout=args.layout and read_layout(args.layout)[0])


def _add_npz(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='e.g. NTU60_CS.npz; one file makes one store')
    parser.add_argument('--protocol', choices=('xsub', 'xview', 'xset'),
                        help="what its two parts are (default: by the file's name)")


def _npz(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.ctrgcn_npz import CTRGCNSource
    return CTRGCNSource(args.file, args.protocol)


def _nwucla(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.nwucla_json import NWUCLASource
    return NWUCLASource(args.folder)


def _kinetics_stgcn(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.kinetics_stgcn import KineticsSTGCNSource
    return KineticsSTGCNSource(args.folder)


def _add_kinetics_hrnet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='k400_hrnet.pkl')
    parser.add_argument('folder', help='kpfiles')
    parser.add_argument('--box-thr', type=float, default=0.5, metavar='SCORE',
                        help='leave out persons of a lower box score (default: 0.5)')


def _kinetics_hrnet(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.kinetics_hrnet import KineticsHRNetSource
    return KineticsHRNetSource(args.file, args.folder, args.box_thr)


def _utd_mhad(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.utd_mhad import UTDMHADSource
    return UTDMHADSource(args.folder)


def _sbu(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.sbu import SBUSource
    return SBUSource(args.folder)


def _add_clips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', help='folder of CLASS/NAME.npy, .csv or .json, or of '
                        'train/CLASS/NAME.npy and val/CLASS/NAME.npy')
    _add_own(parser)
    parser.add_argument('--val-list', metavar='FILE', help='clips to hold out, CLASS/NAME a line')


def _clips(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.clip_folder import ClipFolderSource
    return ClipFolderSource(args.folder, _form(args), classes=_classes(args),
                            val_fraction=args.val_fraction, val_list=args.val_list, seed=args.seed)


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('table', help='.csv file with the columns path, label and, if known, '
                        'split, subject, camera, setup, replication')
    _add_own(parser)


def _table(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.clip_table import ClipTableSource
    return ClipTableSource(args.table, _form(args), classes=_classes(args),
                           val_fraction=args.val_fraction, seed=args.seed)


def _add_own(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--layout', required=True,
                        help='built-in layout, or a JSON file of joints and bones')
    parser.add_argument('--coordinates', nargs='+', default=('x', 'y', 'z'), metavar='NAME',
                        help='of a joint (default: x y z)')
    parser.add_argument('--units', default='as recorded', help='of the coordinates, for the record')
    parser.add_argument('--persons', type=_at_least(1), default=1, metavar='N',
                        help='persons in every row of a .csv clip (default: 1)')
    parser.add_argument('--scores', action='store_true', help='keep the confidence scores')
    parser.add_argument('--val-fraction', type=float, metavar='PART',
                        help='how much is held out at random (default: 0.2)')
    parser.add_argument('--seed', type=_at_least(0), default=0, metavar='N',
                        help='of what is held out at random (default: 0)')
    _add_classes(parser)


def _form(args: argparse.Namespace):
    from cocodiff_mm.datasets.converters.clip_form import ClipForm
    return ClipForm(args.layout, args.coordinates, args.units, args.persons, args.scores)


def _add_classes(parser) -> None:
    parser.add_argument('--classes', metavar='FILE', help='class names in label order, one a line')


def _classes(args: argparse.Namespace) -> list[str] | None:
    from cocodiff_mm.datasets.converters.class_file import read_classes
    return read_classes(args.classes) if args.classes else None


# What it is, what adds its own arguments, and what makes a source of them.
VERBS = {
    'ntu': ('*.skeleton files of NTU RGB+D or NTU RGB+D 120', _add_ntu, _ntu),
    'pyskl': ('a skeleton pickle of PYSKL or MMAction2, 2-D or 3-D', _add_pyskl, _pyskl),
    'ctrgcn-npz': ("NTU RGB+D as an .npz file of CTR-GCN's preparation", _add_npz, _npz),
    'nwucla': ("Northwestern-UCLA as CTR-GCN's folder of JSON files",
               _add_folder('NW-UCLA/all_sqe'), _nwucla),
    'kinetics-stgcn': ("Kinetics-Skeleton as ST-GCN's folders of JSON files", _add_folder(
        'folder of kinetics_train/, kinetics_val/ and their label files'), _kinetics_stgcn),
    'kinetics-hrnet': ("Kinetics-400 with PYSKL's HRNet poses", _add_kinetics_hrnet,
                       _kinetics_hrnet),
    'utd-mhad': ("UTD-MHAD's MATLAB files", _add_folder('Skeleton/'), _utd_mhad),
    'sbu': ("SBU Kinect Interaction's text files",
            _add_folder('folder of s01s02/01/001/skeleton_pos.txt and so on'), _sbu),
    'clips': ('own clips in one folder per class', _add_clips, _clips),
    'table': ('own clips listed in a table', _add_table, _table),
}  # fmt: skip

if __name__ == '__main__':
    sys.exit(main())
