"""Check skeleton data before training: python tools/data/check.py STORE_OR_CONFIG [options].

Says what a recipe takes for granted and whether it holds, and draws what is in the data.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cocodiff_mm.datasets.inspection import Expectation, Finding, Inspection, Opened, Verdict

CONFIG_SUFFIX = '.py'


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('target', metavar='STORE_OR_CONFIG',
                        help='a store with all its splits, or a recipe with those that it uses')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='folder for the pictures (default: work_dirs/check/NAME)')
    parser.add_argument('--quick', action='store_true', help='do not compare checksums')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={},
                        metavar='KEY=VALUE', help='overrides of the config, e.g. split=xview')
    args = parser.parse_args(argv)
    args.target = Path(args.target).expanduser()
    if args.cfg_options and args.target.suffix != CONFIG_SUFFIX:
        parser.error('--cfg-options goes with a config, not with a store')
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)

    import cocodiff_mm  # noqa: F401  (first: it says what is missing, and registers the modules)
    from cocodiff_mm.datasets.inspection import format_findings
    from cocodiff_mm.visualization.data_page import write_page

    try:
        findings, verdict, inspection = examine(args.target, args.cfg_options, args.quick)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(format_findings(findings), end='\n\n')
    if inspection is not None:
        folder = args.out or Path('work_dirs', 'check', args.target.resolve().stem)
        page = write_page(folder, f'Check of {args.target}', verdict, findings, inspection)
        print(f'With pictures: {page}')
    print(verdict.text)
    return 0 if verdict.ready else 1


def examine(target: Path, cfg_options: dict[str, Any],
            quick: bool) -> 'tuple[list[Finding], Verdict, Inspection | None]':
    """Look at a store or at the data of a recipe.

    Args:
        target (Path): Folder of a store, or a config.
        cfg_options (dict): Overrides of the config.
        quick (bool): Whether to skip checksums.

    Returns:
        tuple[list[Finding], Verdict, Inspection | None]: What was found, the answer, and what was
        read; None if there was nothing to read.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If it can't be read.
    """
    from mmengine.registry import init_default_scope

    from cocodiff_mm.datasets.inspection import (
        Expectation,
        judge,
        open_recipe,
        open_store,
        read_recipe,
    )
    from cocodiff_mm.utils.config import load_config

    if target.suffix == CONFIG_SUFFIX:
        cfg = load_config(target, cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        recipe = read_recipe(cfg)
        opened = open_recipe(recipe.readings)
    else:
        recipe, opened = Expectation(()), open_store(target)
    findings, inspection = _check(opened, recipe, quick)
    return findings, judge(findings, [p.name for p in opened.protocols]), inspection


def _check(opened: 'Opened', recipe: 'Expectation',
           quick: bool) -> 'tuple[list[Finding], Inspection | None]':
    from cocodiff_mm.datasets.inspection import (
        check_axes,
        check_persons,
        check_skeleton,
        inspect_clips,
        verify,
    )
    from cocodiff_mm.utils.progress_bar import ProgressBar

    findings = list(opened.findings)
    if not opened.stores:
        return findings, None
    if not quick:
        size = sum(file.stat().st_size for store in opened.stores for file in store.path.iterdir())
        print(f'Comparing checksums of {size / 1e9:.2f} GB ...', file=sys.stderr)
    for store in opened.stores:
        readings = [reading for reading, dataset in opened.datasets if dataset.store is store]
        findings.append(verify(store, quick))
        findings += check_skeleton(store, readings, recipe.layout)
        findings += check_axes(store, readings)
        findings += check_persons(store, recipe.num_person)
    findings += _check_classes(opened, recipe)

    progress = ProgressBar(sum(len(store) for store in opened.stores))
    done = 0

    def advance(clips: int) -> None:
        nonlocal done
        done += clips
        progress.update(done)

    inspection = inspect_clips(opened.stores, opened.protocols, advance)
    progress.close()
    return findings + inspection.findings, inspection


def _check_classes(opened: 'Opened', recipe: 'Expectation') -> 'list[Finding]':
    """Class names of the store or of a recipe's datasets, against the label set and the bank."""
    from cocodiff_mm.datasets.classes import CLASSES
    from cocodiff_mm.datasets.inspection import check_classes

    names, findings = _bank_classes(opened, recipe)
    for reading, dataset in opened.datasets:
        if reading.config.get('label_set') is not None:
            key = reading.config['label_set']
            findings += [finding for finding in check_classes(
                dataset.store.classes, str(dataset.store.path),
                {f'label set {key!r}': CLASSES.get(key, ())}) if finding.level != 'OK']
        # Kept classes may be numbered anew.
        findings += check_classes(dataset.metainfo['classes'], str(dataset.store.path), names,
                                  recipe.num_classes)
    if not opened.datasets:
        store = opened.stores[0]
        key = store.meta['name']
        if key in CLASSES:
            names = {f'label set {key!r}': CLASSES[key], **names}
        findings += check_classes(store.classes, 'the store', names)
    return list(dict.fromkeys(findings))


def _bank_classes(opened: 'Opened',
                  recipe: 'Expectation') -> 'tuple[dict[str, list[str]], list[Finding]]':
    from cocodiff_mm.datasets.inspection import Finding
    from cocodiff_mm.text.bank import SHIPPED, TextBank

    bank = recipe.text_bank
    if not opened.datasets:
        bank = opened.stores[0].meta['name']
        if bank not in SHIPPED:
            return {}, [Finding(
                'note', 'texts', f'no text bank of the data set {bank!r} is shipped',
                'before training CoCoDiff make one with tools/text/encode.py; plain recipes need '
                'none')]
    if bank is None:
        return {}, []
    try:
        texts = TextBank.load(bank)
        if recipe.bank_classes is not None:
            texts = texts.subset(recipe.bank_classes)
    except (FileNotFoundError, ValueError) as error:
        return {}, [Finding('PROBLEM', 'texts', str(error))]
    return {f'text bank {bank!r}': texts.classes}, []


if __name__ == '__main__':
    sys.exit(main())
