"""Weights of a backbone, out of a recognizer's checkpoint or a file of their own."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cocodiff_mm.utils.checkpoint import load_checkpoint, load_from_url
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings

PREFIX = 'backbone.'


def load_backbone(backbone: nn.Module, settings: Mapping[str, Any], source: str) -> None:
    """Load a file into a backbone, all of its weights or none.

    Args:
        backbone (nn.Module): The backbone.
        settings (Mapping): Its settings that no weight's shape shows.
        source (str): Checkpoint of a recognizer or of a backbone, a file or an ``http(s)://`` URL.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it can't be read, or its weights are not those of the backbone.
    """
    read = load_from_url if source.startswith(('http://', 'https://')) else load_checkpoint
    backbone.load_state_dict(backbone_state(backbone, settings, read(source), source))


def backbone_state(backbone: nn.Module, settings: Mapping[str, Any], checkpoint: Any,
                   source: str) -> dict[str, Tensor]:
    """Weights of a checkpoint that a backbone has, by its own names.

    Args:
        backbone (nn.Module): The backbone.
        settings (Mapping): Its settings that no weight's shape shows.
        checkpoint: What the file holds, a dict of weights or one with a ``state_dict``.
        source (str): The file, for messages.

    Returns:
        dict[str, Tensor]: The weights.

    Raises:
        ValueError: If they are not exactly those of the backbone, naming the first keys or the
            setting that differs, and what to do.
    """
    is_dict = isinstance(checkpoint, Mapping)
    state = checkpoint.get('state_dict', checkpoint) if is_dict else checkpoint
    if not isinstance(state, Mapping):
        raise ValueError(f'{source} holds no weights: expected a dict of tensors, or one under '
                         f'state_dict, got {type(state).__name__}')
    own = {key.removeprefix(PREFIX): value for key, value in state.items()
           if key.startswith(PREFIX)}
    # Weights without a backbone are told apart by all of their names.
    own = own or dict(state)
    check_fit(backbone, own, source, state)
    check_settings(settings, checkpoint, source)
    return own
