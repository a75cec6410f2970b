"""What CoCoDiff adds to a training step and to inference, side by side in one run.

python benchmarks/training_overhead.py [--batch-size 16] [--width 64] [--frames 64] [--rounds 7]

Prints medians and ratios; steps of both models are interleaved, so that a noisy machine disturbs
both alike. Stage 1 is measured per step on its features.
"""

import argparse
import copy
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from interleaved import measure, ratio
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope

import cocodiff_mm  # noqa: F401  (registers the plugin's modules)
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.recipe import plain_recipe

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--width', type=int, default=64, help='base_channels of CTR-GCN')
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    init_default_scope('mmaction')
    torch.manual_seed(0)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'

    cfg = load_config(ROOT / 'configs' / 'ctrgcn_cocodiff_ntu120.py', {
        'model.backbone.base_channels': args.width,
        'model.cls_head.in_channels': 4 * args.width,
        'model.neck.in_channels': 4 * args.width})
    models = {'plain': MODELS.build(copy.deepcopy(plain_recipe(cfg).model)),
              'cocodiff': MODELS.build(copy.deepcopy(cfg.model))}
    inputs = torch.randn(args.batch_size, 1, 2, args.frames, 25, 3, device=device)
    samples = [ActionDataSample().set_gt_label(i % 120) for i in range(args.batch_size)]
    work: dict[str, Callable] = {}
    for name, model in models.items():
        model.to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
        work[f'{name}: training step'] = lambda m=model, o=optimizer: train(m, o, inputs, samples)
        work[f'{name}: inference'] = lambda m=model: infer(m, inputs)
    neck = models['cocodiff'].neck
    feats, labels = torch.randn(256, 4 * args.width, device=device), torch.arange(256) % 120
    optimizer = torch.optim.AdamW(neck.parameters())
    work['stage 1 step, 256 features'] = lambda: stage1(neck, optimizer, feats, labels.to(device))

    times = measure(work, args.rounds)
    for name, seconds in times.items():
        print(f'{name:28s} median {1e3 * statistics.median(seconds):9.1f} ms   '
              f'min {1e3 * min(seconds):9.1f}   max {1e3 * max(seconds):9.1f}')
    ratios = {kind: ratio(times[f'cocodiff: {kind}'], times[f'plain: {kind}'])['median']
              for kind in ('training step', 'inference')}
    for kind, value in ratios.items():
        print(f'{kind}: CoCoDiff / plain = {value:.3f}')
    if args.json:
        args.json.write_text(json.dumps(dict(times=times, ratios=ratios, device=device), indent=1))


def train(model, optimizer, inputs, samples) -> None:
    model.train()
    loss, _ = model.parse_losses(model.loss(inputs, samples))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def infer(model, inputs) -> None:
    model.eval()
    model.cls_head(model.extract_feat(inputs)[0])


def stage1(neck, optimizer, feats, labels) -> None:
    neck.train()
    optimizer.zero_grad()
    sum(neck.loss(feats, labels).values()).backward()
    optimizer.step()


if __name__ == '__main__':
    main()
