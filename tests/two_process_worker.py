"""Run by torch.distributed.run: one training step of the tiny recipe, loss written by rank 0."""

import json
import sys
from pathlib import Path

import torch
from mmengine.dist import all_reduce, get_dist_info
from mmengine.runner import Runner
from tiny_recipe import tiny_recipe
from torch import nn

from cocodiff_mm.engine.launch import close_launcher, set_launcher


def main(work_dir: str, batch_size: str, launcher: str) -> None:
    cfg = tiny_recipe(work_dir, train_dataloader__batch_size=int(batch_size),
                      custom_hooks__0__strategy='joint_only')
    # Random sampling of frames would differ between processes; that of testing does not.
    cfg.train_dataloader.dataset.pipeline = cfg.val_dataloader.dataset.pipeline
    set_launcher(cfg, launcher, 0)
    runner = Runner.from_cfg(cfg)
    model = runner.model.module if runner.distributed else runner.model
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    with torch.no_grad():  # the denoiser's last layer starts at zero: let it say something
        generator = torch.Generator().manual_seed(0)
        for p in model.neck.denoiser.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    data = model.data_preprocessor(next(iter(loader)), training=True)
    torch.manual_seed(5)
    losses = runner.model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    values = {name: value.detach().double().clone() for name, value in losses.items()
              if 'loss' in name or name.startswith('ce_')}
    for value in values.values():
        all_reduce(value, op='mean')
    result = {name: value.item() for name, value in values.items()}
    result['grads'] = {name: p.grad.double().norm().item() for name, p in model.named_parameters()}
    if get_dist_info()[0] == 0:
        Path(work_dir, 'result.json').write_text(json.dumps(result))
    close_launcher()


if __name__ == '__main__':
    main(*sys.argv[1:])
