"""Whether weights are those of a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cocodiff_mm.utils.weight_origin import advice


def check_fit(model: nn.Module, state_dict: Mapping[str, Any], source: str | Path,
              whole: Mapping[str, Any] | None = None) -> None:
    """Refuse weights that are not exactly those of the model.

    Args:
        model (nn.Module): The model to load into.
        state_dict (Mapping[str, Tensor]): The weights.
        source (str | Path): Where they come from, for the message.
        whole (Mapping[str, Tensor] | None): All weights that are there, which tell what to do
            where ``state_dict`` is a part of them. Defaults to ``state_dict``.

    Raises:
        ValueError: With the number and the first names of missing, unexpected and mis-shaped
            keys, with the model that was expected, and with what to do; or with the names of
            weights that are not finite.
    """
    problem = misfit(model.state_dict(), state_dict)
    if problem is not None:
        raise ValueError(f'{source} does not fit {describe(model)}: {problem}. '
                         f'{advice(state_dict if whole is None else whole, source)}')
    check_finite_weights(state_dict, source)


def check_finite_weights(state_dict: Mapping[str, Any], source: str | Path) -> None:
    """Refuse weights that are NaN or infinite: every score of theirs would be wrong.

    Args:
        state_dict (Mapping[str, Tensor]): The weights.
        source (str | Path): Where they come from, for the message.

    Raises:
        ValueError: With the number and the first names.
    """
    names = [key for key, value in state_dict.items()
             if isinstance(value, torch.Tensor) and value.is_floating_point()
             and not torch.isfinite(value).all()]
    if names:
        raise ValueError(f'{source} holds NaN or infinite weights in {len(names)} of '
                         f'{len(state_dict)} tensors ({first_names(names)}): take an earlier '
                         'checkpoint of that training, or fetch the file again')


def misfit(own: Mapping[str, Any], state_dict: Mapping[str, Any]) -> str | None:
    """How weights differ from those that a model has.

    Args:
        own (Mapping[str, Tensor]): State dict of the model.
        state_dict (Mapping[str, Tensor]): The weights.

    Returns:
        str | None: Number and first names of missing, unexpected and mis-shaped keys, for a
        message; None if there are none.
    """
    missing = [key for key in own if key not in state_dict]
    unexpected = [key for key in state_dict if key not in own]
    shapes = {key: (_shape(state_dict[key]), _shape(value))
              for key, value in own.items() if key in state_dict}
    misshaped = [f'{key} {got}, expected {want}' for key, (got, want) in shapes.items()
                 if got != want]
    problems = [f'{len(keys)} {kind} ({first_names(keys)})' for kind, keys in (
        ('missing', missing), ('unexpected', unexpected), ('of another shape', misshaped)) if keys]
    return f'of {len(own)} keys {", ".join(problems)}' if problems else None


def describe(model: nn.Module) -> str:
    """A model in words: its type and, for a recognizer, backbone and number of classes."""
    parts = [type(getattr(model, name)).__name__ for name in ('backbone', 'cls_head')
             if isinstance(getattr(model, name, None), nn.Module)]
    classes = getattr(getattr(model, 'cls_head', None), 'num_classes', None)
    if classes is not None:
        parts.append(f'{classes} classes')
    return type(model).__name__ + (f' ({", ".join(parts)})' if parts else '')


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__


def first_names(names: list[str], count: int = 3) -> str:
    """The first of some names, for a message."""
    return '; '.join(names[:count]) + ('; ...' if len(names) > count else '')
