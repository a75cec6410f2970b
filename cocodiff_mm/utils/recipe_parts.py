"""What recipes compute from their bases; for config files."""

from collections.abc import Mapping
from typing import Any

# Data sets whose features are few: an epoch of stage 1 has few steps.
_SMALL = ('nwucla', 'sbu', 'utd_mhad', 'synthetic')


def fit_to_data(base: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of a model that a data set asks for: graph, persons and classes.

    The classifier starts as in the published networks, normal with a variance of 2 / classes.

    Args:
        base (Mapping): ``_base_`` of the recipe, with ``layout``, ``num_person`` and
            ``num_classes`` of the data set.

    Returns:
        dict: For ``model``.
    """
    classes = base['num_classes']
    return dict(
        backbone=dict(graph_cfg=dict(layout=base['layout'], mode='spatial'),
                      num_person=base['num_person']),
        cls_head=dict(num_classes=classes,
                      init_cfg=dict(type='Normal', layer='Linear', std=(2 / classes)**0.5)))


def stage1_hooks(base: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Hooks of ``configs/_base_/cocodiff.py``, with more epochs of stage 1 for small data sets.

    Args:
        base (Mapping): ``_base_`` of the recipe, with ``label_set`` and ``cocodiff_hooks``.

    Returns:
        list[dict]: For ``custom_hooks``.
    """
    two_stages, *others = base['cocodiff_hooks']
    if base['label_set'] in _SMALL:
        two_stages = dict(two_stages, epochs=200)
    return [two_stages, *others]
