"""Features of the training set under a fixed backbone: what stage 1 learns from."""

import copy
import json
from logging import Logger
from pathlib import Path

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dist import all_gather, barrier, get_dist_info, is_main_process
from mmengine.runner import Runner
from torch import Tensor, nn

from cocodiff_mm.models.heads.cocodiff_head import check_one_clip, stack_labels
from cocodiff_mm.utils.files import replace_file
from cocodiff_mm.utils.progress import ProgressLog


class FeatureCache:
    """Features and labels of the training set, on disk and, when small, in memory.

    Args:
        folder (Path): Holds ``features.npy`` (views * N, D), ``labels.npy`` (N,) and
            ``cache.json``.
        fingerprint (str): Digest of everything the features depend on; other features than
            these are not reused.
        max_memory_mb (int): Larger features stay on disk, memory-mapped.
    """

    def __init__(self, folder: Path, fingerprint: str, max_memory_mb: int = 2048) -> None:
        self.folder, self.fingerprint, self.max_memory_mb = folder, fingerprint, max_memory_mb

    def exists(self) -> bool:
        """Whether complete features with this fingerprint are there."""
        record = self.folder / 'cache.json'
        return record.is_file() and json.loads(record.read_text())['fingerprint'] == \
            self.fingerprint

    def write(self, feats: Tensor, labels: Tensor) -> None:
        """Store features (views * N, D) and labels (N,); main process only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # The record goes last: without it a half-written cache counts as none.
        (self.folder / 'cache.json').unlink(missing_ok=True)
        for name, value in (('features', feats), ('labels', labels)):
            with replace_file(self.folder / f'{name}.npy') as temporary, \
                    temporary.open('wb') as file:
                np.save(file, value.cpu().numpy())
        with replace_file(self.folder / 'cache.json') as temporary:
            temporary.write_text(json.dumps(
                dict(fingerprint=self.fingerprint, features=list(feats.shape))))

    def read(self) -> tuple[Tensor, Tensor]:
        """Features (views * N, D) and labels (views * N,)."""
        path = self.folder / 'features.npy'
        small = path.stat().st_size <= self.max_memory_mb * 2**20
        # Mode 'c' (copy on write): a read-only map can't become a tensor without a warning.
        feats = torch.from_numpy(np.load(path, mmap_mode=None if small else 'c'))
        labels = torch.from_numpy(np.load(self.folder / 'labels.npy'))
        return feats, labels.repeat(len(feats) // len(labels))


def feature_loader_cfg(train_dataloader: dict) -> ConfigDict:
    """The training dataloader made to visit every clip once, in order."""
    cfg = ConfigDict(copy.deepcopy(train_dataloader))
    while cfg.dataset.get('type') == 'RepeatDataset':
        cfg.dataset = cfg.dataset.dataset
    cfg.sampler = dict(type='DefaultSampler', shuffle=False)
    cfg.drop_last = False
    cfg.persistent_workers = False
    cfg.pop('batch_sampler', None)
    return cfg


@torch.no_grad()
def extract_features(model: nn.Module,
                     train_dataloader: dict,
                     views: int,
                     seed: int,
                     logger: Logger) -> tuple[Tensor, Tensor]:
    """Pooled features of the whole training set under its own augmentation.

    Args:
        model (nn.Module): A plain GCN recognizer on its device; used in eval mode.
        train_dataloader (dict): The recipe's dataloader config.
        views (int): Passes, each with other augmentations.
        seed (int): Seed of the augmentations.
        logger (Logger): For progress.

    Returns:
        tuple[Tensor, Tensor]: Features (views * N, D), labels (N,); the same on every process.
    """
    model.eval()
    cfg = feature_loader_cfg(train_dataloader)
    passes = []
    for view in range(views):
        # Workers start afresh in every pass: the same seed would repeat the augmentation.
        loader = Runner.build_dataloader(cfg, seed=seed + 1000 * view)
        progress = ProgressLog(logger, f'features, pass {view + 1}/{views}', len(loader))
        feats, labels = [], []
        for i, batch in enumerate(loader, 1):
            data = model.data_preprocessor(batch, training=True)
            feats.append(_pooled(model, data['inputs']))
            labels.append(stack_labels(data['data_samples'], feats[-1].device))
            check_one_clip(feats[-1], labels[-1])
            progress.update(i)
        passes.append(_gather(torch.cat(feats), len(loader.dataset)))
    return torch.cat(passes), _gather(torch.cat(labels), len(loader.dataset))


def _pooled(model: nn.Module, inputs: Tensor) -> Tensor:
    """What ``GCNHead`` feeds its classifier, of any GCN recognizer: (B, D) float32."""
    x = model.extract_feat(inputs)[0]
    return x.mean(dim=(-2, -1)).mean(dim=1).float()


def _gather(local: Tensor, total: int) -> Tensor:
    """Rows of all processes in dataset order: ``DefaultSampler`` deals row i to process i % W."""
    if get_dist_info()[1] == 1:
        return local
    rows = torch.stack(all_gather(local.contiguous()), dim=1).flatten(0, 1)
    return rows[:total]  # the sampler repeats some clips to give every process as many


def load_or_extract(cache: FeatureCache, make_model, train_dataloader: dict, views: int,
                    seed: int, logger: Logger) -> tuple[Tensor, Tensor]:
    """Features from the cache, or from one pass over the data which then fills the cache.

    Args:
        cache (FeatureCache): Where they are kept.
        make_model (Callable[[], nn.Module]): Builds the backbone, only when it is needed.
        train_dataloader (dict): As for :func:`extract_features`.
        views (int): As for :func:`extract_features`.
        seed (int): As for :func:`extract_features`.
        logger (Logger): For progress.

    Returns:
        tuple[Tensor, Tensor]: Features (views * N, D) and labels (views * N,).
    """
    if cache.exists():
        logger.info(f'features are there: {cache.folder}')
    else:
        feats, labels = extract_features(make_model(), train_dataloader, views, seed, logger)
        if is_main_process():
            cache.write(feats, labels)
    barrier()
    return cache.read()
