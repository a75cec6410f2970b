from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.dist import draw_for_rank

from .feature_scale import FeatureScale

GRADIENTS = ('straight_through', 'none', 'one_step', 'full')
STARTS = ('noised', 'noise')


@MODELS.register_module()
class LatentDiffusionNeck(BaseModule):
    """Latent diffusion on pooled features, guided by fine and coarse text; training only.

    Makes from each feature a different one of the same class and gives the guidance losses.
    CoCoDiff (arXiv 2504.21266), sections on diffusion (Eq. 4) and co-guidance (Eq. 5-7).

    Args:
        in_channels (int): Width D of the features. Defaults to 256.
        text_bank (str): A shipped bank (``'ntu120'``, ``'ntu60'``, ``'kinetics400'``,
            ``'nwucla'``, ``'sbu'``, ``'utd_mhad'``, ``'synthetic'``) or the path of a
            ``.safetensors`` bank. Defaults to ``'ntu120'``.
        classes (Sequence[str], optional): Use these classes of the bank, in this order.
        num_timesteps (int): Diffusion steps T >= 1. Defaults to 30.
        schedule (str): ``'linear'``, ``'scaled_linear'`` or ``'cosine'``.
        beta_start (float): First noise variance of the linear schedules. Defaults to 1e-4.
        beta_end (float): Last noise variance of the linear schedules. Defaults to 0.02.
        betas (Sequence[float], optional): Explicit noise variances, T of them, in place of
            ``schedule``.
        denoiser (dict): Config of the noise predictor. Defaults to ``LinearUNet``.
        sampler (str): Reverse walk: ``'ddpm'``, ``'ddim'`` or ``'one_step'``.
        sampling_steps (int, optional): Steps of the DDIM walk. Defaults to T.
        start (str): Where the walk begins: ``'noised'`` (the feature itself, diffused to step T)
            or ``'noise'`` (standard normal).
        fine (str, optional): Which description of the class conditions the denoiser:
            ``'random'``, ``'mean'``, ``'first'``; ``None`` switches fine guidance off.
        coarse (str): Which of label and synonyms the features are pulled to; same values.
        loss_text (dict, optional): Config of the coarse loss; its ``loss_weight`` is lambda.
            ``None`` switches coarse guidance off.
        generated_grad (str): How the generated feature passes gradient to the backbone:
            ``'straight_through'``, ``'none'``, ``'one_step'`` (through the one-step estimate,
            which is then the generated feature) or ``'full'`` (through all steps).
        rec_grad (bool): Whether the denoising loss reaches the backbone. Defaults to False.
        con_grad (bool): Whether the coarse loss reaches the backbone. Defaults to False.
        standardize (bool): Diffuse features standardised by running statistics.
        scale_momentum (float): Weight of a batch in these statistics. Defaults to 0.1.
        text_dropout (float): Probability of dropping a sample's description in training, for
            classifier-free guidance, in [0, 1). Defaults to 0.
        guidance_scale (float): Weight of classifier-free guidance while generating; 1 is off.

    Raises:
        ValueError: If a value is not among the allowed ones (they are named).
        FileNotFoundError: If there is no such text bank.
    """

    def __init__(self,
                 in_channels: int = 256,
                 text_bank: str = 'ntu120',
                 classes: Sequence[str] | None = None,
                 num_timesteps: int = 30,
                 schedule: str = 'linear',
                 beta_start: float = 1e-4,
                 beta_end: float = 0.02,
                 betas: Sequence[float] | None = None,
                 denoiser: dict = dict(type='LinearUNet'),  # noqa: B006
                 sampler: str = 'ddpm',
                 sampling_steps: int | None = None,
                 start: str = 'noised',
                 fine: str | None = 'random',
                 coarse: str = 'random',
                 loss_text: dict | None = dict(  # noqa: B006
                     type='TextGuidanceLoss', temperature=0.07, loss_weight=0.1),
                 generated_grad: str = 'straight_through',
                 rec_grad: bool = False,
                 con_grad: bool = False,
                 standardize: bool = True,
                 scale_momentum: float = 0.1,
                 text_dropout: float = 0.0,
                 guidance_scale: float = 1.0) -> None:
        super().__init__()
        # Imported here: the process that only tests never builds a neck, and so never loads these.
        from cocodiff_mm.models.diffusion import NoiseSchedule, Sampler, build_denoiser
        from cocodiff_mm.text.bank import TextBank
        from cocodiff_mm.text.selection import CHOICES, select_rows

        check_choice('start', start, STARTS)
        check_choice('generated_grad', generated_grad, GRADIENTS)
        check_choice('fine', fine, (*CHOICES, None))
        check_choice('coarse', coarse, CHOICES)
        if not 0 <= text_dropout < 1:
            raise ValueError(f'text_dropout must be in [0, 1), got {text_dropout}')
        if guidance_scale != 1 and (fine is None or text_dropout == 0):
            raise ValueError(f'guidance_scale={guidance_scale} needs a denoiser trained with and '
                             'without text; set fine and text_dropout > 0 (0.1 is usual)')
        self.in_channels = in_channels
        self.start, self.fine_choice, self.coarse_choice = start, fine, coarse
        self.generated_grad, self.rec_grad, self.con_grad = generated_grad, rec_grad, con_grad
        self.text_dropout, self.guidance_scale = text_dropout, guidance_scale

        bank = TextBank.load(text_bank)
        if classes is not None:
            bank = bank.subset(classes)
        self.text_bank, self.classes, self.num_classes = text_bank, bank.classes, len(bank.classes)
        # Not persistent: a checkpoint needs no copy of a file that the config names.
        for name in ('fine', 'fine_count', 'coarse', 'coarse_count'):
            self.register_buffer(name, getattr(bank, name), persistent=False)
        self._select_rows = select_rows

        text_channels = bank.fine.shape[-1]
        self.scale = FeatureScale(in_channels, scale_momentum, standardize)
        self.schedule = NoiseSchedule(num_timesteps, schedule, beta_start, beta_end, betas)
        self.sampler = Sampler('one_step' if generated_grad == 'one_step' else sampler,
                               sampling_steps)
        self.sampler.timesteps(num_timesteps)  # refuses more steps than the schedule has
        self.denoiser = build_denoiser(denoiser, in_channels, text_channels)
        self.loss_text = None
        if loss_text is not None and loss_text.get('loss_weight', 1) != 0:
            self.loss_text = MODELS.build(
                dict(loss_text, in_channels=in_channels, text_channels=text_channels))

    @property
    def num_timesteps(self) -> int:
        """Diffusion steps T."""
        return self.schedule.num_timesteps

    def forward(self, feats: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Generated features and guidance losses of a batch.

        Args:
            feats (Tensor): Features x0, shape (B, D).
            labels (Tensor): Class indices, shape (B,), int64.

        Returns:
            tuple[Tensor, dict]: Generated features, shape (B, D), and ``loss_rec``, ``loss_con``.
        """
        feats = self._checked(feats)
        if self.training:
            self.scale.update(feats)
        losses = self.loss(feats, labels)
        return self.generate(feats, labels), losses

    def loss(self, feats: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Guidance losses L_rec + lambda L_con (Eq. 4, 6, 7) at random timesteps.

        Args:
            feats (Tensor): Features x0, shape (B, D).
            labels (Tensor): Class indices, shape (B,), int64.

        Returns:
            dict[str, Tensor]: ``loss_rec`` and, with coarse guidance, ``loss_con``.
        """
        feats = self._checked(feats)
        x0 = self.scale.standardize(feats)
        batch = len(x0)
        timesteps = draw_for_rank(
            lambda n: torch.randint(self.num_timesteps, (n,), device=x0.device), batch)
        noise = self._normal(x0)
        fine, drop = self._fine(labels)

        def denoise(clean: Tensor) -> tuple[Tensor, Tensor]:
            noisy = self.schedule.add_noise(clean, noise, timesteps)
            return noisy, self.denoiser(noisy, timesteps, fine, drop).to(clean.dtype)

        noisy, eps = denoise(x0 if self.rec_grad else x0.detach())
        losses = dict(loss_rec=F.mse_loss(eps, noise))
        if self.loss_text is not None:
            if self.con_grad != self.rec_grad:  # the two losses differ in where gradient may go
                noisy, eps = denoise(x0 if self.con_grad else x0.detach())
            estimate = self.schedule.predict_x0(noisy, eps, timesteps)
            coarse = self._pick(self.coarse, self.coarse_count, labels, self.coarse_choice)
            losses['loss_con'] = self.loss_text(estimate, labels, coarse)
        return losses

    def generate(self, feats: Tensor, labels: Tensor) -> Tensor:
        """Different features of the same class: diffuse to step T and walk back with text.

        Args:
            feats (Tensor): Features x0, shape (B, D).
            labels (Tensor): Class indices, shape (B,), int64.

        Returns:
            Tensor: Generated features, shape (B, D); gradient as ``generated_grad`` says.
        """
        feats = self._checked(feats)
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and self.generated_grad in ('one_step', 'full')):
            generated = self.scale.restore(self._walk(self.scale.standardize(feats), labels))
        if self.generated_grad == 'straight_through':
            # feats + stop(generated - feats), without its rounding of the value.
            return _StraightThrough.apply(feats, generated)
        return generated

    def _walk(self, x0: Tensor, labels: Tensor) -> Tensor:
        x = self._normal(x0)
        if self.start == 'noised':
            last = torch.full((len(x0),), self.num_timesteps - 1, device=x0.device)
            x = self.schedule.add_noise(x0, x, last)
        fine, drop = self._fine(labels, generating=True)
        # Conditioning is computed once for the whole walk.
        predict = guided = self.denoiser.bind(fine, self.num_timesteps, drop)
        if self.guidance_scale != 1:
            free = self.denoiser.bind(fine, self.num_timesteps, torch.ones_like(drop))

            def guided(x: Tensor, timesteps: Tensor) -> Tensor:
                eps = free(x, timesteps)
                return eps + self.guidance_scale * (predict(x, timesteps) - eps)

        return self.sampler.sample(guided, x, self.schedule, lambda shape: self._normal(x0))

    def _fine(self, labels: Tensor, generating: bool = False) -> tuple[Tensor, Tensor]:
        """Description embeddings (B, E) and the mask (B,) of samples that do without."""
        if self.fine_choice is None:
            return self.fine[labels, 0], torch.ones_like(labels, dtype=torch.bool)
        text = self._pick(self.fine, self.fine_count, labels, self.fine_choice)
        if generating or self.text_dropout == 0:
            return text, torch.zeros_like(labels, dtype=torch.bool)
        chance = draw_for_rank(lambda n: torch.rand(n, device=labels.device), len(labels))
        return text, chance < self.text_dropout

    def _pick(self, table: Tensor, count: Tensor, labels: Tensor, choice: str) -> Tensor:
        """One text (B, E) per sample from a ragged table (K, n, E)."""
        chance = None
        if choice == 'random':
            chance = draw_for_rank(lambda n: torch.rand(n, device=labels.device), len(labels))
        return self._select_rows(table, count, labels, choice, chance)

    def _normal(self, like: Tensor) -> Tensor:
        return draw_for_rank(
            lambda n: torch.randn(n, like.shape[1], device=like.device, dtype=like.dtype),
            len(like))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str,
                              *args: object) -> None:
        # MMEngine only warns of shapes that differ and goes on with random weights.
        text = state_dict.get(f'{prefix}denoiser.conditioning.null_text')
        if text is not None and len(text) != self.denoiser.text_channels:
            raise ValueError(
                f'the checkpoint comes from texts {len(text)} wide, and text bank '
                f'{self.text_bank!r} has {self.denoiser.text_channels}; set model.neck.text_bank '
                'to the bank that it was trained with, or start the diffusion model anew')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _checked(self, feats: Tensor) -> Tensor:
        if feats.shape[-1] != self.in_channels:
            raise ValueError(f'neck.in_channels={self.in_channels}, but the backbone gives '
                             f'{feats.shape[-1]} channels; set '
                             f'model.neck.in_channels={feats.shape[-1]}')
        # Diffusion in half precision loses the small steps of the schedule.
        return feats.float() if feats.dtype in (torch.bfloat16, torch.float16) else feats


class _StraightThrough(torch.autograd.Function):
    """Value of ``generated``, gradient to ``feats``."""

    @staticmethod
    def forward(ctx, feats: Tensor, generated: Tensor) -> Tensor:
        return generated.clone()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None
