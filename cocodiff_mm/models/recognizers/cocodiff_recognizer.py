import torch
from mmaction.models.recognizers import RecognizerGCN
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from torch import Tensor

from cocodiff_mm.models.heads.cocodiff_head import (
    CoCoDiffHead,
    check_one_clip,
    stack_labels,
)


@MODELS.register_module()
class CoCoDiffRecognizer(RecognizerGCN):
    """``RecognizerGCN`` that trains its classifier on real and on generated features.

    The neck is called in training only: scores, parameters and FLOPs at test time are those of
    the plain recognizer, whether a neck was built or not. CoCoDiff (arXiv 2504.21266), Eq. 9.

    Args:
        backbone (dict): Graph network giving (B, M, D, T, V).
        cls_head (dict): A ``CoCoDiffHead``.
        neck (dict, optional): A ``LatentDiffusionNeck``. Needed for training alone.
        train_cfg (dict, optional): Config of training.
        test_cfg (dict, optional): Config of testing.
        data_preprocessor (dict, optional): Config of the data preprocessor.

    Raises:
        ValueError: If the head can't learn from generated features.
    """

    def __init__(self,
                 backbone: dict,
                 cls_head: dict | None = None,
                 neck: dict | None = None,
                 train_cfg: dict | None = None,
                 test_cfg: dict | None = None,
                 data_preprocessor: dict | None = None) -> None:
        super().__init__(backbone, cls_head, neck, train_cfg, test_cfg, data_preprocessor)
        if not isinstance(getattr(self, 'cls_head', None), CoCoDiffHead):
            got = type(self.cls_head).__name__ if self.with_cls_head else 'no head'
            raise ValueError(f'CoCoDiffRecognizer needs a CoCoDiffHead, got {got}; '
                             "set model.cls_head.type='CoCoDiffHead'")

    def pooled_feats(self, inputs: Tensor) -> Tensor:
        """Feature vectors x0 of a batch: (B, clips, M, T, V, C) -> (B * clips, D)."""
        return self.cls_head.pool_feats(self.extract_feat(inputs)[0])

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """All training losses of a batch, by name.

        Args:
            inputs (Tensor): Skeletons, shape (B, 1, M, T, V, C).
            data_samples (list[ActionDataSample]): Their labels, one class index each.

        Returns:
            dict[str, Tensor]: ``loss_cls``, ``loss_rec``, ``loss_con`` and what is only logged.

        Raises:
            ValueError: If there is no neck or a sample has more than one training clip.
            FloatingPointError: If a loss is NaN or infinite.
        """
        if not self.with_neck:
            raise ValueError('CoCoDiffRecognizer was built without a neck and cannot train: set '
                             "model.neck=dict(type='LatentDiffusionNeck', ...), or train the "
                             "plain recipe with type='RecognizerGCN'")
        feats = self.pooled_feats(inputs)
        labels = stack_labels(data_samples, feats.device)
        check_one_clip(feats, labels)
        generated, losses = self.neck(feats, labels)
        losses.update(self.cls_head.loss_by_pair(feats, generated, data_samples))
        check_finite(losses)
        return losses


def check_finite(losses: dict[str, Tensor]) -> None:
    """Stop before a bad step is taken, so that the last checkpoint stays the last good one.

    Raises:
        FloatingPointError: Naming every loss term that is NaN or infinite.
    """
    names = [name for name in losses if 'loss' in name]
    if not names:
        return
    values = torch.stack([losses[name].detach().float().mean() for name in names])
    if torch.isfinite(values).all():
        return
    bad = [f'{name}={value}' for name, value in zip(names, values.tolist(), strict=True)
           if not torch.isfinite(torch.tensor(value))]
    raise FloatingPointError(
        f'training stopped before the step: {", ".join(bad)} (all terms: '
        f'{dict(zip(names, values.tolist(), strict=True))}). The last checkpoint is kept; lower '
        'the learning rate or clip gradients, then go on with --resume')
