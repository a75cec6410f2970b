"""Stage 1: the diffusion model learns on cached features of a fixed backbone."""

import json
import math
import time
from contextlib import contextmanager
from logging import Logger
from pathlib import Path

import torch
from mmengine.dist import all_reduce_params, broadcast, get_dist_info, is_main_process
from torch import Tensor, nn

from cocodiff_mm.models.recognizers.cocodiff_recognizer import check_finite
from cocodiff_mm.utils.checkpoint import load_checkpoint, save_checkpoint_atomic
from cocodiff_mm.utils.files import replace_file
from cocodiff_mm.utils.progress import ProgressLog


class DiffusionPretrainer:
    """Train the neck alone by L_1 = L_rec + lambda L_con (CoCoDiff, Eq. 7).

    An epoch's random numbers depend on the seed and the epoch alone, so a run that was killed and
    resumed follows the curve of one that was not. Several processes share each batch and average
    their gradients.

    Args:
        neck (nn.Module): The ``LatentDiffusionNeck``, on its device.
        feats (Tensor): Features, shape (N, D), float32; may be memory-mapped.
        labels (Tensor): Class indices, shape (N,), int64.
        folder (Path): State and log are kept here.
        logger (Logger): For progress.
        epochs (int): Passes over the features. Defaults to 30.
        batch_size (int): Features per step over all processes. Defaults to 256.
        lr (float): Peak learning rate of AdamW; cosine to zero. Defaults to 1e-3.
        weight_decay (float): Of AdamW. Defaults to 1e-2.
        seed (int): Seed of order, noise, timesteps and texts. Defaults to 0.
        checkpoint_seconds (float): Least time between two saved states. Defaults to 15.
        fingerprint (str): Digest of what this stage depends on; a state with another one is
            not resumed.
    """

    def __init__(self,
                 neck: nn.Module,
                 feats: Tensor,
                 labels: Tensor,
                 folder: Path,
                 logger: Logger,
                 epochs: int = 30,
                 batch_size: int = 256,
                 lr: float = 1e-3,
                 weight_decay: float = 1e-2,
                 seed: int = 0,
                 checkpoint_seconds: float = 15.0,
                 fingerprint: str = '') -> None:
        self.neck, self.feats, self.labels = neck, feats, labels
        self.folder, self.logger = folder, logger
        self.epochs, self.seed, self.lr = epochs, seed, lr
        self.rank, world_size = get_dist_info()
        share = max(min(batch_size, len(feats)) // world_size, 1)
        self.batch_size = share * world_size
        self.steps = len(feats) // self.batch_size
        self.checkpoint_seconds, self.fingerprint = checkpoint_seconds, fingerprint
        self.device = next(neck.parameters()).device
        self.optimizer = torch.optim.AdamW(neck.parameters(), lr=lr, weight_decay=weight_decay)

    @property
    def state_file(self) -> Path:
        """State of the unfinished or finished stage."""
        return self.folder / 'stage1.pth'

    @property
    def log_file(self) -> Path:
        """One JSON line per epoch: epoch, losses, lr, seconds."""
        return self.folder / 'stage1.jsonl'

    def run(self, resume: bool = False) -> None:
        """Train to the end; with ``resume``, from the last saved state if it fits.

        Raises:
            FloatingPointError: If a loss is NaN or infinite.
        """
        self.neck.scale.set_from(self.feats)
        start = self._resume() if resume else 0
        if start == 0 and is_main_process():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log_file.unlink(missing_ok=True)
        self.neck.train()
        progress = ProgressLog(self.logger, 'stage 1, epoch', self.epochs)
        saved = time.monotonic()
        for epoch in range(start, self.epochs):
            begun = time.monotonic()
            losses = self._train_epoch(epoch)
            lr = self.optimizer.param_groups[0]['lr']
            self._log(dict(epoch=epoch + 1, **losses, lr=lr, seconds=time.monotonic() - begun))
            last = epoch + 1 == self.epochs
            if last or time.monotonic() - saved >= self.checkpoint_seconds:
                self._save(epoch + 1)
                saved = time.monotonic()
            details = '  '.join(f'{name}: {value:.4f}' for name, value in losses.items())
            progress.update(epoch + 1, f'{details}  lr: {lr:.2e}')

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        sums: dict[str, Tensor] = {}
        with _seeded(self.seed * 100_003 + epoch, self.device):
            order = torch.randperm(len(self.feats))
            for step in range(self.steps):
                rows = order[step * self.batch_size:(step + 1) * self.batch_size][self._share()]
                losses = self.neck.loss(
                    self.feats[rows].to(self.device), self.labels[rows].to(self.device))
                check_finite(losses)
                self._step(sum(losses.values()), epoch * self.steps + step)
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0) + value.detach()
        return {name: float(value) / self.steps for name, value in sums.items()}

    def _step(self, loss: Tensor, step: int) -> None:
        total = self.epochs * self.steps
        warmup = min(100, total // 10)
        factor = min((step + 1) / (warmup + 1), 0.5 * (1 + math.cos(math.pi * step / total)))
        for group in self.optimizer.param_groups:
            group['lr'] = self.lr * factor
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        grads = [p.grad for p in self.neck.parameters() if p.grad is not None]
        all_reduce_params(grads, coalesce=True, op='mean')
        self.optimizer.step()

    def _share(self) -> slice:
        return slice(self.rank, None, get_dist_info()[1])

    def _log(self, record: dict) -> None:
        if is_main_process():
            with self.log_file.open('a') as file:
                file.write(json.dumps(record) + '\n')

    def _save(self, epoch: int) -> None:
        if is_main_process():
            save_checkpoint_atomic(
                dict(epoch=epoch, fingerprint=self.fingerprint, neck=self.neck.state_dict(),
                     optimizer=self.optimizer.state_dict()), self.state_file)

    def _resume(self) -> int:
        """First epoch still to train; all processes take the main process's view."""
        epoch = torch.zeros((), dtype=torch.long, device=self.device)
        state = None
        if self.state_file.is_file():
            state = load_checkpoint(str(self.state_file), map_location=self.device)
            if state['fingerprint'] != self.fingerprint:
                self.logger.warning(f'{self.state_file} belongs to other features or settings '
                                    'of stage 1: not resumed, stage 1 starts again')
            else:
                epoch.fill_(state['epoch'])
        broadcast(epoch)
        if epoch == 0:
            return 0
        self.neck.load_state_dict(state['neck'])
        self.optimizer.load_state_dict(state['optimizer'])
        if is_main_process():  # epochs after the saved state are trained, and logged, again
            lines = self.log_file.read_text().splitlines() if self.log_file.is_file() else []
            kept = [line for line in lines if json.loads(line)['epoch'] <= int(epoch)]
            with replace_file(self.log_file) as temporary:
                temporary.write_text(''.join(line + '\n' for line in kept))
        self.logger.info(f'stage 1 goes on after epoch {int(epoch)}')
        return int(epoch)


@contextmanager
def _seeded(seed: int, device: torch.device):
    """Seed PyTorch for a block and give the outer random state back afterwards."""
    devices = [device] if device.type == 'cuda' else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
