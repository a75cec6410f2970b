"""Open what is to be checked; what can not be opened becomes a finding."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmaction.registry import DATASETS

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.expectation import Reading, kind_of
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM, Finding, count
from cocodiff_mm.datasets.inspection.protocol import Protocol, store_protocols
from cocodiff_mm.datasets.skeleton_store_dataset import SkeletonStoreDataset
from cocodiff_mm.datasets.store import SkeletonStore

# What a dataset refuses by itself is to be compared here, all of it and in one place.
_UNCHECKED = dict(layout=None, num_coords=None, label_set=None, num_classes=None, lazy_init=False)


@dataclass
class Opened:
    """Data that was opened.

    Args:
        stores (list[SkeletonStore]): The stores.
        protocols (list[Protocol]): Clips to train and to test on.
        findings (list[Finding]): What opening has shown.
        datasets (list[tuple[Reading, SkeletonStoreDataset]]): Datasets of a recipe.
    """

    stores: list[SkeletonStore] = field(default_factory=list)
    protocols: list[Protocol] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    datasets: list[tuple[Reading, SkeletonStoreDataset]] = field(default_factory=list)


def open_store(path: Path) -> Opened:
    """Open a store with all protocols that it has."""
    try:
        store = SkeletonStore(path)
    except (FileNotFoundError, ValueError) as error:
        return Opened(findings=[Finding(PROBLEM, 'store', str(error))])
    return Opened([store], store_protocols(store))


def open_recipe(readings: Sequence[Reading]) -> Opened:
    """Open the datasets of a recipe, each store once."""
    opened = Opened()
    stores: dict[Path, SkeletonStore] = {}
    for reading in readings:
        dataset = _open_dataset(reading, opened.findings)
        if dataset is not None:
            dataset.store = stores.setdefault(dataset.store.path, dataset.store)
            opened.datasets.append((reading, dataset))
    # Training, validation and test often read the same store.
    opened.findings = list({finding.text: finding for finding in opened.findings[::-1]}.values())
    opened.stores = list(stores.values())
    if opened.stores:
        opened.protocols = _recipe_protocols(opened)
    return opened


def verify(store: SkeletonStore, quick: bool) -> Finding:
    """Whether the files of a store are those that were written."""
    about = f'{store.path}: {count(len(store), "clip")} of {store.meta["name"]}'
    if quick:
        return Finding(OK, 'store', f'{about}; --quick: checksums not compared')
    try:
        store.verify()
    except ValueError as error:
        return Finding(PROBLEM, 'store', str(error))
    return Finding(OK, 'store', f'{about}; all files are as they were written')


def _open_dataset(reading: Reading, findings: list[Finding]) -> SkeletonStoreDataset | None:
    kind = DATASETS.get(reading.config['type'])
    if kind is None or not issubclass(kind, SkeletonStoreDataset):
        findings.append(_other_dataset(reading))
        return None
    try:
        return DATASETS.build(dict(reading.config, **_UNCHECKED))
    except (FileNotFoundError, ValueError) as error:
        findings.append(Finding(
            PROBLEM, 'store', str(error), 'if the store is elsewhere: --cfg-options '
            f'{reading.key}.ann_file=STORE, or the environment variable COCODIFF_DATA_ROOT'
            if isinstance(error, FileNotFoundError) else ''))
        return None


def _other_dataset(reading: Reading) -> Finding:
    if reading.path is None:
        return Finding(NOTE, 'store', f'{kind_of(reading)} makes its clips itself, there is '
                       'nothing on the disk to check')
    return Finding(
        PROBLEM, 'store', f'{reading.path} is read by {kind_of(reading)}, which can not be checked',
        "make a store of it with tools/data/convert.py and set type='SkeletonStoreDataset', "
        'ann_file=STORE')


def _recipe_protocols(opened: Opened) -> list[Protocol]:
    """The one protocol of a recipe: what it trains on and what it tests on."""
    pool = ClipPool(opened.stores)
    train, tests, kept = [], {}, {}
    train_names = [dataset.split or 'all clips' for reading, dataset in opened.datasets
                   if reading.role == 'train']
    train_name = ' + '.join(dict.fromkeys(train_names))
    for reading, dataset in opened.datasets:
        store = opened.stores.index(dataset.store)
        members = pool.of_store(store)[dataset.data_list]
        if reading.role == 'train':
            train.append(members)
            name = train_name
        else:
            name = dataset.split or 'all clips'
            if name == train_name:  # the same clips: both must be told apart in findings
                name = f'{name} ({reading.role})'
            tests[name] = np.union1d(tests.get(name, members), members)
        labels = range(len(dataset.store.classes)) if dataset.kept is None else dataset.kept
        kept[name] = sorted({*kept.get(name, ()), *labels})
    if not train or not tests:
        return []
    return [Protocol(train_name.removesuffix('_train'), np.unique(np.concatenate(train)), tests,
                     train_name, kept)]
