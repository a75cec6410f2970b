"""Skeleton stores beside MMAction2's pickles: speed, memory and time to open, in one run.

python benchmarks/data_loading.py [--gb 1] [--rounds 7] [--out figures.json] [--quick]

Clips are made up and NTU-like: 2 persons of 25 joints in 75 to 300 frames. Speed is samples per
second of whole pipelines on one core; the pipelines take turns on the same clips, so that a noisy
machine disturbs all alike, and ratios are medians over rounds. Memory is what a data set adds to
the processes of a training run after they have served clips: processes of their own (ranks) at the
same time, each with its workers. The store of the memory figures has the size given with --gb, the
pickle as many of its clips as --pickle-gb allows.
"""

import argparse
import json
import os
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cocodiff_mm  # noqa: F401, E402  (first: registers the plugin's modules)

# isort: split
import numpy as np  # noqa: E402
import torch  # noqa: E402
from mmaction.registry import DATASETS  # noqa: E402
from mmengine.dataset import pseudo_collate  # noqa: E402
from mmengine.logging import MMLogger  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cocodiff_mm.datasets.classes import CLASSES  # noqa: E402
from cocodiff_mm.datasets.clip import Clip, StoreInfo  # noqa: E402
from cocodiff_mm.datasets.skeleton_store_dataset import SkeletonStoreDataset  # noqa: E402
from cocodiff_mm.datasets.store_writer import StoreWriter  # noqa: E402
from cocodiff_mm.utils.config import load_config  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
STOCK = [
    dict(type='PreNormalize3D'),
    dict(type='GenSkeFeat', dataset='nturgb+d', feats=['j']),
    dict(type='UniformSampleFrames', clip_len=100),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs'),
]
KINDS = dict(store='SkeletonStoreDataset', pickle='PoseDataset')
MEASURES = ('RSS', 'PSS', 'USS')
MEAN_BYTES = 2 * 187 * 25 * 3 * 4  # of a clip
TINY = 8
WORKERS = 2


def main() -> None:
    args = parse_args()
    init_default_scope('mmaction')
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    if args.probe:
        return probe(args.probe[0], Path(args.probe[1]))
    with tempfile.TemporaryDirectory(dir=args.folder, prefix='data-loading-') as folder:
        figures = dict(
            opening=opening(Path(folder), args.index_clips, args.rounds),
            memory=memory(Path(folder), args.gb, args.pickle_gb, args.ranks),
            speed=speed(Path(folder), args.clips, args.rounds))
    show(figures)
    if args.out:
        args.out.write_text(json.dumps(figures, indent=1))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--gb', type=float, default=1.0, help='size of the store, GB')
    parser.add_argument('--pickle-gb', type=float, default=1.0, help='most for the pickle, GB')
    parser.add_argument('--ranks', type=int, default=2, help='processes of the memory figures')
    parser.add_argument('--clips', type=int, default=64, help='clips of a round of speed')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--index-clips', type=int, default=114_000,
                        help='clips of the store that is opened')
    parser.add_argument('--folder', type=Path, help='where stores are made (default: temporary)')
    parser.add_argument('--out', type=Path, help='write the figures to this file, JSON')
    parser.add_argument('--quick', action='store_true', help='everything once and small')
    parser.add_argument('--probe', nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.gb, args.pickle_gb, args.clips, args.rounds = 0.01, 0.01, 4, 2
        args.index_clips, args.ranks = 1000, 1
    return args


def make_clips(number: int) -> Iterator[Clip]:
    """NTU-like clips, which differ in length and place."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.4, (2, 1, 25, 3)) + np.array([[[[0, 0, 3]]], [[[1, 0, 3]]]])
    sway = rng.normal(0, 0.01, (2, 300, 25, 3)).cumsum(1)
    motion = (body + sway).astype(np.float32)
    for i in range(number):
        frames = int(rng.integers(75, 301))
        place = rng.normal(0, 0.1, 3).astype(np.float32)
        yield Clip(f'S001C001P001R001A{i:06}', motion[:, :frames] + place, i % 60)


def make_store(path: Path, clips: Iterator[Clip]) -> Path:
    info = StoreInfo('ntu60', 'nturgb+d', CLASSES['ntu60'], ('x', 'y', 'z'), 'metres', 'made up')
    with StoreWriter(path, info) as writer:
        for clip in clips:
            writer.add(clip)
        names = list(writer.done)
        return writer.finish(dict(train=names, xsub_train=names[::2], xsub_val=names[1::2]))


def make_pickle(path: Path, clips: Iterator[Clip]) -> Path:
    annotations = [dict(frame_dir=clip.name, label=clip.label, total_frames=clip.keypoint.shape[1],
                        keypoint=clip.keypoint) for clip in clips]
    with path.open('wb') as file:
        pickle.dump(dict(split=dict(train=[clip['frame_dir'] for clip in annotations]),
                         annotations=annotations), file, protocol=4)
    return path


def recipe(sampling: str) -> list[dict]:
    """Training pipeline of the recipes for NTU RGB+D."""
    path = ROOT / 'configs' / '_base_' / 'datasets' / 'ntu60.py'
    return load_config(path, dict(sampling=sampling)).train_dataloader.dataset.pipeline


def build(kind: str, path: Path, pipeline: list[dict]):
    return DATASETS.build(dict(
        type=KINDS[kind], ann_file=str(path), pipeline=pipeline, split='train'))


def speed(folder: Path, number: int, rounds: int) -> dict:
    """Samples per second of whole pipelines on one core, and ratios to MMAction2's."""
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
    store = make_store(folder / 'speed', make_clips(number))
    file = make_pickle(folder / 'speed.pkl', make_clips(number))
    datasets = {'MMAction2': build('pickle', file, STOCK),
                **{name: build('store', store, recipe(name)) for name in ('official', 'pyskl')}}
    times: dict[str, list[float]] = {name: [] for name in datasets}
    for i in range(rounds + 1):  # the first warms up
        for name, dataset in datasets.items():
            started = time.perf_counter()
            for j in range(number):
                dataset[j]
            if i:
                times[name].append((time.perf_counter() - started) / number)
    return {name: dict(
        samples_per_second=1 / statistics.median(seconds),
        ratio=statistics.median(a / b for a, b in zip(times['MMAction2'], seconds, strict=True)))
        for name, seconds in times.items()}


def memory(folder: Path, gb: float, pickle_gb: float, ranks: int) -> dict:
    """Megabytes that a data set adds to a rank and to each of its workers, by kind.

    Added to what they take with a few clips, all else alike.
    """
    idle = run_probes('store', make_store(folder / 'few', make_clips(TINY)), ranks)
    figures = {}
    for kind, size in dict(store=gb, pickle=min(gb, pickle_gb)).items():
        number = int(size * 1e9 / MEAN_BYTES) + 1
        path = folder / f'many.{kind[:3]}'.replace('.pic', '.pkl')
        dict(store=make_store, pickle=make_pickle)[kind](path, make_clips(number))
        files = path.iterdir() if path.is_dir() else [path]
        figures[kind] = dict(
            gigabytes=sum(file.stat().st_size for file in files) / 1e9, clips=number, ranks=ranks)
        found = run_probes(kind, path, ranks)
        figures[kind].update(build_seconds=found['build_seconds'], **{
            who: {key: found[who][key] - idle[who][key] for key in MEASURES}
            for who in ('rank', 'worker')})
    return figures


def run_probes(kind: str, path: Path, ranks: int) -> dict:
    """Medians of ranks that run at the same time; all have served before any is measured."""
    processes = [subprocess.Popen(
        [sys.executable, '-W', 'ignore', __file__, '--probe', kind, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(ranks)]
    for process in processes:
        if process.stdout.readline() != 'served\n':
            raise RuntimeError(f'a process that served the {kind} ended early')
    for process in processes:
        process.stdin.write('measure\n')
        process.stdin.flush()
    found = [json.loads(process.stdout.readline()) for process in processes]
    for process in processes:  # all are measured: now they may go
        process.communicate('end\n')
    workers = [worker for each in found for worker in each['workers']]
    return dict(
        build_seconds=statistics.median(each['build_seconds'] for each in found),
        rank={key: statistics.median(each['rank'][key] for each in found) for key in MEASURES},
        worker={key: statistics.median(worker[key] for worker in workers) for key in MEASURES})


def probe(kind: str, path: Path) -> None:
    """A rank: serves a data set, and says what it and its workers take then."""
    started = time.perf_counter()
    dataset = build(kind, path, recipe('official'))
    seconds = time.perf_counter() - started
    loader, workers = start(dataset)
    for i in range(min(len(dataset), 1000)):  # as without workers
        dataset[i]
    print('served', flush=True)
    sys.stdin.readline()
    print(json.dumps(dict(build_seconds=seconds, rank=resident('self'),
                          workers=[resident(pid) for pid in workers])), flush=True)
    sys.stdin.readline()
    del loader  # ends the workers


def start(dataset) -> tuple[DataLoader, list[int]]:
    """Let workers serve all clips; they live on."""
    loader = DataLoader(dataset, batch_size=TINY, num_workers=WORKERS, persistent_workers=True,
                        collate_fn=pseudo_collate)
    for _ in loader:
        pass
    return loader, [worker.pid for worker in loader._iterator._workers]


def resident(pid: int | str) -> dict[str, float]:
    """Resident, proportional and private memory of a process, MB."""
    fields = dict(line.split(':') for line in
                  Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:])
    kb = {key: int(value.split()[0]) for key, value in fields.items()}
    return dict(RSS=kb['Rss'] / 1024, PSS=kb['Pss'] / 1024,
                USS=(kb['Private_Clean'] + kb['Private_Dirty']) / 1024)


def opening(folder: Path, number: int, rounds: int) -> dict:
    """Seconds to open a store of many clips and select a split."""
    clip = next(make_clips(1)).keypoint[:1, :1]
    path = make_store(folder / 'index', (
        Clip(f'S001C001P001R001A{i:06}', clip, i % 60) for i in range(number)))
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        dataset = SkeletonStoreDataset(
            str(path), [], split='xsub_train', label_set='ntu60', layout='nturgb+d', num_coords=3)
        seconds.append(time.perf_counter() - started)
    return dict(clips=number, selected=len(dataset), seconds=statistics.median(seconds),
                longest=max(seconds))


def show(figures: dict) -> None:
    print('samples per second, one core          MMAction2 = 1')
    for name, found in figures['speed'].items():
        print(f'  {name:12s} {found["samples_per_second"]:10.0f}      {found["ratio"]:12.1f} x')
    for kind, found in figures['memory'].items():
        print(f'{kind} of {found["gigabytes"]:.2f} GB, {found["clips"]} clips, built in '
              f'{found["build_seconds"]:.2f} s; {found["ranks"]} ranks with {WORKERS} workers each')
        for who in ('rank', 'worker'):
            print(f'  added per {who:7s}' + ''.join(
                f'{key:>6s} {found[who][key]:8.1f} MB' for key in MEASURES))
    found = figures['opening']
    print(f'opening {found["clips"]} clips and selecting {found["selected"]}: '
          f'{1e3 * found["seconds"]:.0f} ms (longest {1e3 * found["longest"]:.0f} ms)')


if __name__ == '__main__':
    main()
