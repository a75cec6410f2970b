import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from cocodiff_mm.utils.dist import gather_with_grad


@MODELS.register_module()
class TextGuidanceLoss(BaseModule):
    """Coarse text guidance: pull features to the text of their class, in both directions.

    Cosine similarities between projected features and the batch's text embeddings are compared
    with targets that spread equally over all samples of the same class, by the Kullback-Leibler
    divergence from feature to text and from text to feature. CoCoDiff (arXiv 2504.21266),
    Eq. 5 and 6. In distributed training the batch is gathered over all processes.

    Args:
        in_channels (int): Width D of the features.
        text_channels (int): Width E of the text embeddings.
        temperature (float): Softmax temperature tau, > 0. Defaults to 0.07.
        loss_weight (float): Weight lambda of the returned loss, >= 0. Defaults to 1.

    Raises:
        ValueError: If ``temperature`` is not positive or ``loss_weight`` is negative.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 temperature: float = 0.07,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}; CLIP uses 0.07')
        if loss_weight < 0:
            raise ValueError(f'loss_weight must be >= 0, got {loss_weight}; 0 turns the loss off')
        self.temperature = temperature
        self.loss_weight = loss_weight
        self.proj = nn.Linear(in_channels, text_channels)

    def forward(self, feats: Tensor, labels: Tensor, bank: Tensor) -> Tensor:
        """Weighted loss of a batch.

        Args:
            feats (Tensor): Features, shape (B, D).
            labels (Tensor): Class indices, shape (B,), int64.
            bank (Tensor): Text embeddings: one per sample, shape (B, E), drawn among the texts
                of the sample's class.

        Returns:
            Tensor: Scalar; 0 when all similarities match their targets.
        """
        if bank.shape[0] != feats.shape[0]:
            raise ValueError(f'bank must hold one text per sample: got {bank.shape[0]} texts for '
                             f'{feats.shape[0]} features; index the class rows with the labels')
        # bfloat16 of an autocast is too coarse for a softmax at temperature 0.07.
        with torch.autocast(feats.device.type, enabled=False):
            skeleton = self.proj(feats.to(self.proj.weight.dtype))
            skeleton = gather_with_grad(F.normalize(skeleton, dim=-1))
            text = gather_with_grad(F.normalize(bank.to(skeleton.dtype), dim=-1))
            logits = skeleton @ text.t() / self.temperature
        labels = gather_with_grad(labels)
        same_class = labels[:, None] == labels[None, :]
        # The target matrix is symmetric, so one row-normalised matrix serves both directions.
        target = same_class.to(logits.dtype)
        target = target / target.sum(dim=1, keepdim=True)
        skeleton_to_text = F.kl_div(F.log_softmax(logits, dim=1), target, reduction='batchmean')
        text_to_skeleton = F.kl_div(F.log_softmax(logits.t(), dim=1), target, reduction='batchmean')
        return self.loss_weight * 0.5 * (skeleton_to_text + text_to_skeleton)

    def extra_repr(self) -> str:
        return f'temperature={self.temperature}, loss_weight={self.loss_weight}'
