"""A recipe small enough to train for real inside a test, on the synthetic set."""

from pathlib import Path

from mmengine.config import Config

from cocodiff_mm.utils.config import load_config

ROOT = Path(__file__).resolve().parents[1]
TINY = {
    'model.backbone.base_channels': 8,
    'model.backbone.num_stages': 3,
    'model.backbone.inflate_stages': [2],
    'model.backbone.down_stages': [2],
    'model.cls_head.in_channels': 16,
    'train_cfg.max_epochs': 2,
    'default_hooks.logger.interval': 1,
}
TINY_GUEST = {
    'model.neck.in_channels': 16,
    'model.neck.num_timesteps': 4,
    'model.neck.denoiser': dict(type='LinearUNet', channels=(32, 16)),
    'custom_hooks.0.epochs': 2,
}


def tiny_options(guest: bool = True, **more) -> dict:
    """Overrides that make the demo recipe tiny, with further dotted keys."""
    options = dict(TINY)
    for mode in ('train', 'val', 'test'):
        options[f'{mode}_dataloader.dataset.num_subjects'] = 4
    if guest:
        options.update(TINY_GUEST)
    options.update({key.replace('__', '.'): value for key, value in more.items()})
    return options


def tiny_recipe(work_dir, guest: bool = True, **more) -> Config:
    """The demo recipe made tiny; keyword ``a__b=c`` overrides key ``a.b``."""
    name = 'ctrgcn_cocodiff_demo.py' if guest else 'ctrgcn_demo.py'
    cfg = load_config(ROOT / 'configs' / name, tiny_options(guest, **more))
    cfg.work_dir = str(work_dir)
    return cfg
