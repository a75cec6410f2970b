"""Train CTR-GCN plain and with CoCoDiff on the synthetic set, test both, print and draw the result.

python tools/demo.py [--work-dir work_dirs/demo] [--seed 0] [--cfg-options ...]
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import cocodiff_mm  # noqa: F401  (first: it says what is missing, and registers the modules)

# isort: split
import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from cocodiff_mm.datasets import CLASSES
from cocodiff_mm.engine.timing import read_stages
from cocodiff_mm.models.heads.cocodiff_head import stack_labels
from cocodiff_mm.utils.checkpoint import load_checkpoint
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.files import replace_file
from cocodiff_mm.utils.recipe import plain_recipe
from cocodiff_mm.visualization.comparison_figure import draw_comparison

ROOT = Path(__file__).resolve().parents[1]
PLAIN, GUEST = ROOT / 'configs/ctrgcn_demo.py', ROOT / 'configs/ctrgcn_cocodiff_demo.py'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={},
                        help='overrides of the recipes, e.g. train_cfg.max_epochs=2')
    args = parser.parse_args()
    started = time.monotonic()
    init_default_scope('mmaction')
    overrides = [f'{key}={value}' for key, value in args.cfg_options.items()]
    host = [word for word in overrides if not word.startswith(('custom_hooks', 'model.neck'))]

    plain, guest = args.work_dir / 'plain', args.work_dir / 'cocodiff'
    train(PLAIN, plain, args.seed, host)
    # The plain network is also the pre-trained GCN of stage 1: it need not be trained twice.
    train(GUEST, guest, args.seed, [
        *overrides, 'custom_hooks.0.strategy=checkpoint',
        f'custom_hooks.0.checkpoint={last_checkpoint(plain)}'])
    rows = {'CTR-GCN': summarize(PLAIN, plain, host),
            '+ CoCoDiff': summarize(GUEST, guest, overrides)}
    table = format_table(rows, CLASSES['synthetic'], args.seed)
    print('\n' + table)
    with replace_file(args.work_dir / 'result.json') as temporary:
        temporary.write_text(json.dumps(rows, indent=1))
    with replace_file(args.work_dir / 'result.md') as temporary:
        temporary.write_text(table + '\n')
    figure = args.work_dir / 'comparison.png'
    draw_comparison(figure, *generated_features(guest, args.cfg_options),
                    CLASSES['synthetic'], {name: row['top1'] for name, row in rows.items()})
    print(f'\nfigure: {figure}\nlogs and checkpoints: {plain}, {guest}\n'
          f'all in {time.monotonic() - started:.0f} s')


def train(config: Path, work_dir: Path, seed: int, overrides: list[str]) -> None:
    run('train.py', config, '--work-dir', work_dir, '--seed', seed, '--no-validate',
        *(['--cfg-options', *overrides] if overrides else []))


def summarize(config: Path, work_dir: Path, overrides: list[str]) -> dict[str, float]:
    """Test the last checkpoint; accuracy in percent, seconds, parameters and FLOPs."""
    tested = work_dir / 'test'
    run('test.py', config, last_checkpoint(work_dir), '--work-dir', tested,
        *(['--cfg-options', *overrides] if overrides else []))
    metrics = json.loads(max(tested.glob('*/*.json')).read_text())
    cfg = plain_recipe(Config.fromfile(work_dir / config.name))
    params, flops = complexity(cfg)
    times = read_stages(work_dir)
    return dict(top1=100 * metrics['acc/top1'], params=params, flops=flops, **times)


def complexity(cfg: Config) -> tuple[int, int]:
    """Parameters and FLOPs of one clip through what ``tools/test.py`` builds."""
    model = MODELS.build(cfg.model).eval()
    loader = Runner.build_dataloader(dict(cfg.test_dataloader, batch_size=1), seed=0)
    inputs = model.data_preprocessor(next(iter(loader)))['inputs']
    model.forward = lambda x: model.cls_head(model.extract_feat(x)[0])
    info = get_model_complexity_info(
        model, inputs=(inputs,), show_table=False, show_arch=False)
    return info['params'], info['flops']


@torch.no_grad()
def generated_features(work_dir: Path, options: dict) -> tuple[np.ndarray, ...]:
    """Real features of the test set, generated ones, and labels."""
    torch.manual_seed(0)
    cfg = load_config(GUEST, options)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(load_checkpoint(str(last_checkpoint(work_dir)))['state_dict'])
    real, generated, labels = [], [], []
    for batch in Runner.build_dataloader(cfg.test_dataloader, seed=0):
        data = model.data_preprocessor(batch)
        real.append(model.pooled_feats(data['inputs']))
        labels.append(stack_labels(data['data_samples'], real[-1].device))
        generated.append(model.neck.generate(real[-1], labels[-1]))
    return tuple(torch.cat(parts).numpy() for parts in (real, generated, labels))


def format_table(rows: dict[str, dict], classes: tuple[str, ...], seed: int) -> str:
    """Markdown table of the results with its protocol."""
    host = rows['CTR-GCN']['total']
    lines = [f'Synthetic set, {len(classes)} classes, X-Sub, joint stream, one clip, last epoch, '
             f'seed {seed}:', '',
             '| recipe | top-1, % | training, s | of plain | params at test | FLOPs at test |',
             '|---|---|---|---|---|---|']
    for name, row in rows.items():
        lines.append(f'| {name} | {row["top1"]:.1f} | {row["total"]:.0f} | '
                     f'{row["total"] / host:.2f}x | {row["params"] / 1e6:.3f} M | '
                     f'{row["flops"] / 1e6:.1f} M |')
    return '\n'.join(lines)


def last_checkpoint(work_dir: Path) -> Path:
    return Path((work_dir / 'last_checkpoint').read_text().strip())


def run(tool: str, *arguments: object) -> None:
    command = [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)]
    print('$', *command[1:], flush=True)
    subprocess.run(command, check=True)


if __name__ == '__main__':
    main()
