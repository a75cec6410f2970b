"""Training steps of a backbone on a GPU: precisions, torch.compile, CUDA graphs, roofline."""

import contextlib
import copy
from collections.abc import Callable, Iterator

import floor
import torch
from backbone_pairs import KINDS, TrainingStep
from interleaved import measure, ratio, spread
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

# Name, numbers of autocast, whether matrix products and convolutions may use TF32.
PRECISIONS = (('fp32', torch.float32, False), ('tf32', torch.float32, True),
              ('bf16', torch.bfloat16, True))
_WARM_UP = 3
_MATRIX = 8192


def measure_all(name: str, pair: dict, clips: torch.Tensor, rounds: int) -> list[dict]:
    """Rows of all variants of a training step: those of ours beside the naive form's."""
    rows = []
    for precision, dtype, tf32 in PRECISIONS:
        with allow_tf32(tf32):
            steps, failures = variants(pair, clips, dtype)
            times = measure(steps, rounds)
            flops = 3 * floor.products(pair['naive'], clips)
            peak = floor.matmul_peak(dtype, 'cuda', _MATRIX)
            moved = {kind: floor.traffic(steps[kind]) for kind in KINDS}
            for variant, step in steps.items():
                seconds = spread(times[variant])
                rows.append(dict(
                    backbone=name, precision=precision, variant=variant, seconds=seconds,
                    ratio=ratio(times['naive'], times[variant]), kernels=kernels(step),
                    megabytes=peak_memory(step), flops=flops, matmul_peak=peak,
                    of_peak=flops / seconds['median'] / peak, bytes=moved.get(variant)))
            rows += [dict(backbone=name, precision=precision, variant=variant, failure=failure)
                     for variant, failure in failures.items()]
    return rows


def variants(pair: dict, clips: torch.Tensor, dtype: torch.dtype) -> tuple[dict, dict]:
    """Steps by name, and why some can not be had; each on a copy of its model."""
    steps: dict[str, Callable[[], object]] = {
        kind: TrainingStep(copy.deepcopy(model), clips, dtype) for kind, model in pair.items()}
    failures = {}
    for variant, make in dict(compiled=compiled, graph=CapturedStep).items():
        try:
            step = make(TrainingStep(copy.deepcopy(pair['ours']), clips, dtype))
            step()
        except RuntimeError as error:  # shown in the table
            failures[variant] = f'{type(error).__name__}: {str(error).splitlines()[0][:200]}'
        else:
            steps[variant] = step
    return steps, failures


def compiled(step: TrainingStep) -> TrainingStep:
    step.model = torch.compile(step.model)
    return step


class CapturedStep:
    """A whole training step as one CUDA graph, which reads and writes the tensors of ``step``."""

    def __init__(self, step: TrainingStep) -> None:
        self.step, self.graph = step, torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):  # makes the momentum buffers, outside the graph's memory
                step()
        torch.cuda.current_stream().wait_stream(stream)
        # Gradients shall be made anew in the graph's own memory.
        step.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self.graph):
            step.loss().backward()
            step.optimizer.step()

    def __call__(self) -> None:
        self.graph.replay()


def kernels(step: Callable[[], object]) -> int:
    """Kernels that a step runs on the GPU, copies and fills left out."""
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiler:
        step()
        torch.cuda.synchronize()
    return sum(event.device_type == DeviceType.CUDA and not event.name.startswith('Mem')
               for event in profiler.events())


def peak_memory(step: Callable[[], object]) -> float | None:
    """Most memory held during a step beyond what is held before it, MB; a graph has its own."""
    if isinstance(step, CapturedStep):
        return None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


@contextlib.contextmanager
def allow_tf32(allow: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allow
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def show(rows: list[dict]) -> None:
    if not rows:
        return
    print(f'\n{"backbone":9s} {"":4s} {"variant":9s} {"ms/step":>9s} {"ratio":>6s} {"kernels":>8s} '
          f'{"MB":>7s} {"TFLOP/s":>8s} {"of peak":>8s} {"FLOP/B":>7s}')
    for row in rows:
        print(f'{row["backbone"]:9s} {row["precision"]:4s} {row["variant"]:9s} '
              + (row['failure'] if 'failure' in row else _figures(row)))


def _figures(row: dict) -> str:
    seconds = row['seconds']['median']
    return (f'{1e3 * seconds:9.2f} {row["ratio"]["median"]:6.2f} {row["kernels"]:8d} '
            + (f'{row["megabytes"]:7.0f}' if row['megabytes'] is not None else f'{"":7s}')
            + f' {row["flops"] / seconds / 1e12:8.2f} {100 * row["of_peak"]:7.1f}%'
            + (f' {row["flops"] / row["bytes"]:7.1f}' if row['bytes'] else ''))
