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


def with_cocodiff(base: Mapping[str, Any],
                  num_timesteps: int = 30) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Changes that add CoCoDiff to a recipe whose bases say what the data set is.

    Stage 1 takes 200 epochs over the features of small data sets.

    Args:
        base (Mapping): ``_base_`` of the recipe: a plain recipe with ``label_set``, and
            ``configs/_base_/cocodiff.py``.
        num_timesteps (int): Diffusion steps T. Defaults to 30, which is best for CTR-GCN; for
            HD-GCN it is 10 (arXiv 2504.21266, Table IV).

    Returns:
        tuple[dict, list[dict]]: For ``model`` and ``custom_hooks``.
    """
    two_stages, *others = base['cocodiff_hooks']
    if base['label_set'] in _SMALL:
        two_stages = dict(two_stages, epochs=200)
    neck = dict(base['cocodiff_neck'], text_bank=base['label_set'], num_timesteps=num_timesteps)
    model = dict(type='CoCoDiffRecognizer', neck=neck, cls_head=dict(type='CoCoDiffHead'))
    return model, [two_stages, *others]
