"""Building denoisers from configs."""
import inspect
from collections.abc import Mapping
from typing import Any

from mmaction.registry import MODELS

from .denoiser import Denoiser


def build_denoiser(cfg: Mapping[str, Any], in_channels: int, text_channels: int) -> Denoiser:
    """Build a denoiser for features and text of given widths.

    Args:
        cfg (Mapping): ``type`` and the arguments of a registered :class:`Denoiser`, for instance
            ``dict(type='LinearUNet', channels=(512, 256, 128))``, without the two widths.
        in_channels (int): Width D of the features.
        text_channels (int): Width E of the text embeddings.

    Returns:
        Denoiser: The denoiser.

    Raises:
        ValueError: If ``type`` is missing or not a registered denoiser, or ``cfg`` sets a width.
    """
    # Looked up here, as MODELS.build would import all models of MMAction2 first.
    allowed = {name: cls for name, cls in MODELS.module_dict.items()
               if inspect.isclass(cls) and issubclass(cls, Denoiser)}
    args = dict(cfg)
    kind = args.pop('type', None)
    if kind not in allowed:
        raise ValueError(f'unknown denoiser type={kind!r}; set type to one of {sorted(allowed)}')
    fixed = sorted({'in_channels', 'text_channels'} & args.keys())
    if fixed:
        raise ValueError(f'the denoiser config sets {fixed}, expected neither: they follow from '
                         'the backbone and the text bank, leave them out')
    return allowed[kind](in_channels=in_channels, text_channels=text_channels, **args)
