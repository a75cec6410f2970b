import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList
from torch import Tensor


def stack_labels(data_samples: SampleList, device: torch.device) -> Tensor:
    """Class indices of a batch, shape (B,), int64.

    Raises:
        ValueError: If a sample holds several labels or soft labels.
    """
    labels = torch.stack([sample.gt_label for sample in data_samples]).to(device)
    if labels.numel() != len(data_samples) or labels.is_floating_point():
        raise ValueError(
            f'CoCoDiff needs one class index per sample, got labels of shape '
            f'{tuple(labels.shape)} and type {labels.dtype}; switch off multi_class and blending')
    return labels.flatten()


def check_one_clip(feats: Tensor, labels: Tensor) -> None:
    """Refuse training samples of several clips.

    Raises:
        ValueError: With the numbers of clips and samples.
    """
    if len(feats) != len(labels):
        raise ValueError(f'training takes one clip per sample, got {len(feats)} clips for '
                         f'{len(labels)} samples; set num_clips=1 in the train pipeline')


@MODELS.register_module()
class CoCoDiffHead(GCNHead):
    """``GCNHead`` whose classifier learns from real and from generated features.

    Parameters, state-dict keys and predictions equal those of ``GCNHead``; only the training loss
    differs: the mean of both cross-entropies. CoCoDiff (arXiv 2504.21266), Eq. 8.

    Args:
        num_classes (int): Number of classes.
        in_channels (int): Width D of the pooled backbone feature.
        loss_cls (dict): Config of the classification loss.
        dropout (float): Dropout probability before the classifier. Defaults to 0.
        average_clips (str): How scores of several clips are averaged at test time, ``'prob'`` or
            ``'score'``. Defaults to ``'prob'``.
        label_smooth_eps (float): Label smoothing. Defaults to 0.
        topk (int | tuple[int]): Training accuracies to log. Defaults to (1, 5).
        init_cfg (dict): Initialisation of the classifier.
    """

    def __init__(self,
                 num_classes: int,
                 in_channels: int,
                 loss_cls: dict = dict(type='CrossEntropyLoss'),  # noqa: B006
                 dropout: float = 0.0,
                 average_clips: str = 'prob',
                 label_smooth_eps: float = 0.0,
                 topk: int | tuple[int, ...] = (1, 5),
                 init_cfg: dict | list[dict] = dict(  # noqa: B006
                     type='Normal', layer='Linear', std=0.01)) -> None:
        super().__init__(
            num_classes,
            in_channels,
            loss_cls=loss_cls,
            dropout=dropout,
            average_clips=average_clips,
            label_smooth_eps=label_smooth_eps,
            topk=topk,
            init_cfg=init_cfg)

    def pool_feats(self, x: Tensor) -> Tensor:
        """Pool a backbone output over time, joints and persons.

        Args:
            x (Tensor): Shape (B, M, D, T, V).

        Returns:
            Tensor: Feature vectors x0, shape (B, D).

        Raises:
            ValueError: If D is not the head's ``in_channels``.
        """
        batch, persons, width = x.shape[:3]
        if width != self.in_channels:
            raise ValueError(f'cls_head.in_channels={self.in_channels}, but the backbone gives '
                             f'{width} channels; set model.cls_head.in_channels={width}')
        # The same operations as GCNHead.forward: scores must agree to the last bit.
        return self.pool(x.flatten(0, 1)).view(batch, persons, width).mean(dim=1)

    def classify(self, feats: Tensor) -> Tensor:
        """Class scores of pooled features: (B, D) -> (B, num_classes), float32 or wider."""
        if self.dropout is not None:
            feats = self.dropout(feats)
        scores = self.fc(feats)
        return scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of a backbone output: (B, M, D, T, V) -> (B, num_classes)."""
        return self.classify(self.pool_feats(x))

    def loss_by_pair(self, feats: Tensor, generated: Tensor, data_samples: SampleList) -> dict:
        """Mean classification loss of real and generated features.

        Args:
            feats (Tensor): Pooled real features x0, shape (B, D).
            generated (Tensor): Generated features of the same samples, shape (B, D).
            data_samples (list[ActionDataSample]): Their labels.

        Returns:
            dict[str, Tensor]: ``loss_cls`` (Eq. 8), the accuracies on the real features
            ``top{k}_acc``, and for the log ``ce_real`` and ``ce_generated``.
        """
        if not generated.requires_grad and feats.requires_grad:
            # Only the real feature then carries gradient to the backbone, and halving it would
            # be a hidden change of the learning rate: give the backbone the plain recipe's step.
            feats = feats.view_as(feats)
            feats.register_hook(lambda grad: 2 * grad)
        real = self.loss_by_feat(self.classify(feats), data_samples)
        synthetic = self.loss_by_feat(self.classify(generated), data_samples)
        losses = {key: value for key, value in real.items() if key != 'loss_cls'}
        losses['loss_cls'] = 0.5 * (real['loss_cls'] + synthetic['loss_cls'])
        losses['ce_real'] = real['loss_cls'].detach()
        losses['ce_generated'] = synthetic['loss_cls'].detach()
        return losses
