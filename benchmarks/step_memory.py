"""Peak memory that one training step of a backbone adds to a process of its own, in MB.

python benchmarks/step_memory.py HDGCN ours [--batch-size 16] [--frames 64] [--dtype bf16]
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
from backbone_pairs import DTYPES, KINDS, WIDTHS, TrainingStep, make_clips, make_scorer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('name', choices=WIDTHS)
    parser.add_argument('kind', choices=KINDS)
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--width', type=int, help='base channels (default: as published)')
    parser.add_argument('--dtype', choices=DTYPES, default='fp32')
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    before = peak(device)
    model = make_scorer(args.name, args.kind, args.width or WIDTHS[args.name]).to(device)
    TrainingStep(model, make_clips(args.batch_size, args.frames, device), DTYPES[args.dtype])()
    print(peak(device) - before)


def peak(device: str) -> float:
    """Most memory that this process has held so far, MB."""
    if device == 'cuda':
        return torch.cuda.max_memory_allocated() / 1e6
    # Not getrusage: its figure starts at what the process that started this one had held.
    status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines())
    return int(status['VmHWM'].split()[0]) * 1024 / 1e6


def run(name: str, kind: str, options: dict[str, object]) -> float:
    """The same, of a process that is started for it; ``options`` are those of the command line."""
    words = [word for key, value in options.items() for word in (f'--{key}', str(value))]
    done = subprocess.run([sys.executable, '-W', 'ignore', __file__, name, kind, *words],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'the process that measures the memory of {name} ({kind}) ended with '
                           f'{done.returncode}:\n{done.stderr[-2000:]}')
    return float(done.stdout.split()[-1])


if __name__ == '__main__':
    main()
