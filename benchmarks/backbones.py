"""Each backbone beside its naive form with the same weights: time, memory, floor, profile.

python benchmarks/backbones.py [--backbones HDGCN] [--threads 1 2] [--json figures.json]
python benchmarks/backbones.py --floor
python benchmarks/backbones.py --profile HDGCN

The naive form computes a network layer by layer as its paper has it. Clips have 3 coordinates, 64
frames, 25 joints and 2 persons; a training step is forward pass, loss of 120 classes, backward
pass and SGD step. First it is checked that both forms give the same scores. Then pieces of work
take turns, so that a noisy machine disturbs all alike; a ratio is the median over the rounds of
the ratio within a round. Where there is a GPU it is measured instead, and more of it, see
cuda_steps.py.
"""

import argparse
import json
import platform
from pathlib import Path

import backbone_pairs
import cuda_steps
import floor
import step_memory
import torch
from backbone_pairs import DTYPES, KINDS, WIDTHS, WORK, check_equal, make_clips, make_pair
from interleaved import measure, ratio, spread
from torch.profiler import ProfilerActivity, profile

from cocodiff_mm.utils.progress_bar import ProgressBar
from cocodiff_mm.version import __version__

# Naive / ours in time, ours / naive in memory: (backbone, work, dtype of ours, of the naive form).
TARGETS = {
    ('CTRGCN', 'training step', 'fp32', 'fp32'): 1.9,
    ('CTRGCN', 'forward', 'fp32', 'fp32'): 1.8,
    ('CTRGCN', 'training step', 'bf16', 'fp32'): 2.6,
    ('CTRGCN', 'memory', 'fp32', 'fp32'): 0.65,
    ('HDGCN', 'training step', 'fp32', 'fp32'): 2.5,
    ('HDGCN', 'forward', 'fp32', 'fp32'): 3.0,
    ('BlockGCN', 'training step', 'fp32', 'fp32'): 1.6,
    ('BlockGCN', 'forward', 'fp32', 'fp32'): 1.8,
}
FLAGS = ('avx2', 'avx512f', 'avx512_bf16', 'avx512_vnni', 'amx_tile', 'amx_bf16')


def main() -> None:
    args = parse_args()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    found = dict(
        machine=machine(),
        clips=dict(batch_size=args.batch_size, frames=args.frames, joints=backbone_pairs.JOINTS,
                   persons=backbone_pairs.PERSONS, channels=backbone_pairs.CHANNELS,
                   classes=backbone_pairs.CLASSES),
        width=args.width or WIDTHS)
    describe(found['machine'], args)
    if args.profile:
        print_profile(args, device)
    elif args.floor:
        found['floor'] = measure_floor(args, device)
    else:
        found.update(compare(args, device))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + '\n')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--backbones', nargs='+', choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--width', type=int, help='base channels (default: as published)')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2], help='on a CPU')
    parser.add_argument('--dtypes', nargs='+', choices=DTYPES, default=list(DTYPES),
                        help='bf16 is autocast')
    parser.add_argument('--skip-memory', action='store_true')
    parser.add_argument('--floor', action='store_true',
                        help='measure what the machine can do at best instead')
    parser.add_argument('--profile', choices=WIDTHS, metavar='NAME',
                        help='tell what its training step spends time on instead')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all figures to this file')
    return parser.parse_args()


def machine() -> dict:
    """What the figures depend on."""
    info = Path('/proc/cpuinfo')
    fields = dict(line.split(':', 1) for line in info.read_text().splitlines() if ':' in line) \
        if info.exists() else {}
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return dict(
        cpu=fields.get('model name', platform.processor()),
        flags=[flag for flag in FLAGS if flag in fields.get('flags', '').split()],
        cores=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        torch=torch.__version__, cuda=torch.version.cuda, python=platform.python_version(),
        cocodiff_mm=__version__)


def describe(found: dict, args: argparse.Namespace) -> None:
    print(f'{found["gpu"] or found["cpu"]}, torch {found["torch"]}; batches of {args.batch_size} '
          f'clips of {args.frames} frames')
    if not found['gpu'] and 'bf16' in args.dtypes and 'avx512_bf16' not in found['flags']:
        print('This processor has no arithmetic in bf16: bf16 is emulated and can not be faster.')


def compare(args: argparse.Namespace, device: str) -> dict:
    """Equality, times and memory of all pairs."""
    threads = args.threads if device == 'cpu' else [torch.get_num_threads()]
    pieces = len(WORK) * len(args.dtypes) * len(KINDS)
    probes = 0 if args.skip_memory else len(KINDS) * len(args.dtypes)
    steps = len(args.backbones) * (pieces * (args.rounds + 1) * len(threads) + probes)
    bar, done = ProgressBar(steps, what='steps'), 0

    def tick() -> None:
        nonlocal done
        done += 1
        bar.update(done)

    found: dict = dict(equal={}, speed=[], memory=[], cuda=[])
    for name in args.backbones:
        width = args.width or WIDTHS[name]
        pair = make_pair(name, width, args.frames)
        difference = found['equal'][name] = check_equal(pair, name, args.frames)
        print(f'{name}: scores of both forms differ by {difference:.1e} at most, of the largest; '
              f'{sum(p.numel() for p in pair["ours"].parameters()) / 1e6:.3f} M parameters')
        pair = {kind: model.to(device) for kind, model in pair.items()}
        clips = make_clips(args.batch_size, args.frames, device)
        for number in threads:
            # In one process: a product or a step then takes as long as in a process that has had
            # this number of threads from the start.
            torch.set_num_threads(number)
            with cuda_steps.allow_tf32(False):
                rows = speed(name, pair, clips, args, tick)
            found['speed'] += [dict(row, threads=number) for row in rows]
        if not args.skip_memory:
            found['memory'] += memory(name, args, threads[0], tick)
        if device == 'cuda':
            found['cuda'] += cuda_steps.measure_all(name, pair, clips, args.rounds)
    bar.close()
    show(found, args.batch_size)
    return found


def speed(name: str, pair: dict, clips: torch.Tensor, args: argparse.Namespace, tick) -> list[dict]:
    """Seconds of ours and the naive form, and ratios."""
    work = {(kind, what, dtype): piece(pair[kind], clips, DTYPES[dtype])
            for dtype in args.dtypes for what, piece in WORK.items() for kind in KINDS}
    times = measure(work, args.rounds, tick)
    rows = []
    for dtype in args.dtypes:
        # Beside the naive form in the same numbers, and in those that it was published in.
        for other in dict.fromkeys((dtype, 'fp32' if 'fp32' in args.dtypes else dtype)):
            for what in WORK:
                ours, naive = times['ours', what, dtype], times['naive', what, other]
                rows.append(dict(
                    backbone=name, work=what, dtype=dtype, naive_dtype=other,
                    ours=spread(ours), naive=spread(naive), ratio=ratio(naive, ours),
                    seconds=dict(ours=ours, naive=naive),
                    target=TARGETS.get((name, what, dtype, other))))
    return rows


def memory(name: str, args: argparse.Namespace, threads: int, tick) -> list[dict]:
    """Megabytes that a training step adds at its peak to a process of its own."""
    rows = []
    for dtype in args.dtypes:
        options = {'batch-size': args.batch_size, 'frames': args.frames, 'dtype': dtype,
                   'threads': threads, 'width': args.width or WIDTHS[name]}
        figures = {}
        for kind in KINDS:
            figures[kind] = step_memory.run(name, kind, options)
            tick()
        rows.append(dict(backbone=name, work='memory', dtype=dtype, naive_dtype=dtype, **figures,
                         ratio=figures['ours'] / figures['naive'],
                         target=TARGETS.get((name, 'memory', dtype, dtype))))
    return rows


def show(found: dict, batch_size: int) -> None:
    print(f'\n{"backbone":9s} {"threads":>7s} {"ours":>5s} {"naive":>5s}  {"":13s} '
          f'{"ours, ms/clip":>14s} {"naive":>8s} {"ratio":>6s} {"quartiles":>13s} {"target":>7s}')
    for row in found['speed']:
        ours, naive = (1e3 * row[kind]['median'] / batch_size for kind in KINDS)
        found_ratio = row['ratio']
        print(f'{row["backbone"]:9s} {row["threads"]:7d} {row["dtype"]:>5s} '
              f'{row["naive_dtype"]:>5s}  {row["work"]:13s} {ours:14.1f} {naive:8.1f} '
              f'{found_ratio["median"]:6.2f} {found_ratio["low"]:6.2f} {found_ratio["high"]:6.2f} '
              + verdict(row['target'], found_ratio['median'], least=True))
    for row in found['memory']:
        print(f'{row["backbone"]:9s} {"":7s} {row["dtype"]:>5s} {row["naive_dtype"]:>5s}  '
              f'{"peak memory":13s} {row["ours"]:11.0f} MB {row["naive"]:8.0f} {row["ratio"]:6.2f} '
              f'{"":13s} ' + verdict(row["target"], row["ratio"], least=False))
    cuda_steps.show(found['cuda'])


def verdict(target: float | None, value: float, least: bool) -> str:
    if target is None:
        return ''
    reached = value >= target if least else value <= target
    return f'{">=" if least else "<="} {target:4.2f}' + ('' if reached else ', not reached')


def measure_floor(args: argparse.Namespace, device: str) -> dict:
    """Least times a clip that the arithmetic and the traffic with memory leave."""
    threads = args.threads if device == 'cpu' else [torch.get_num_threads()]
    size, megabytes = (1024, 128) if device == 'cpu' else (8192, 2048)
    counts = {}
    for name in args.backbones:
        pair = make_pair(name, args.width or WIDTHS[name], args.frames)
        clip = make_clips(1, args.frames)
        flops = floor.products(pair['naive'], clip)
        counts[name] = {what: dict(flops=flops * times, bytes=floor.traffic(
            WORK[what](pair['ours'], clip, torch.float32)))
            for what, times in {'forward': 1, 'training step': 3}.items()}
    found = dict(counts=counts, limits=[])
    for number in threads:
        torch.set_num_threads(number)
        limit = dict(threads=number, bytes_per_second=floor.bandwidth(device, megabytes),
                     **{dtype: floor.matmul_peak(DTYPES[dtype], device, size)
                        for dtype in args.dtypes})
        found['limits'].append(limit)
        print(f'threads: {number}; copies: {limit["bytes_per_second"] / 1e9:.1f} GB/s; products: '
              + ', '.join(f'{limit[dtype] / 1e9:.0f} GFLOP/s in {dtype}' for dtype in args.dtypes))
        for name, figures in counts.items():
            for what, figure in figures.items():
                print(f'  {name:9s} {what:13s} {figure["flops"] / 1e9:6.3f} GFLOP, '
                      f'{figure["bytes"] / 1e9:6.3f} GB (fp32) a clip; at least' + ''.join(
                          f' {1e3 * figure["flops"] / limit[dtype]:6.1f} ms in {dtype},'
                          for dtype in args.dtypes)
                      + f' {1e3 * figure["bytes"] / limit["bytes_per_second"]:6.1f} ms if no '
                      'cache held anything')
    return found


def print_profile(args: argparse.Namespace, device: str) -> None:
    """Time of both forms by kind of operation."""
    torch.set_num_threads(args.threads[0])
    pair = make_pair(args.profile, args.width or WIDTHS[args.profile], args.frames)
    clips = make_clips(args.batch_size, args.frames, device)
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == 'cuda')
    for kind, model in pair.items():
        step = WORK['training step'](model.to(device), clips, DTYPES[args.dtypes[0]])
        step()
        with profile(activities=activities) as profiler:
            step()
        print(f'{args.profile}, {kind}: a training step in {args.dtypes[0]}')
        print(profiler.key_averages().table(
            sort_by=f'self_{device}_time_total', row_limit=15, max_name_column_width=45))


if __name__ == '__main__':
    main()
