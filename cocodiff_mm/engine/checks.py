"""What must agree before the first step: data, head, neck and bank."""

from collections.abc import Iterable, Sequence

import torch
from mmaction.models.recognizers import RecognizerGCN
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from torch import nn

from cocodiff_mm.models.necks.latent_diffusion_neck import LatentDiffusionNeck
from cocodiff_mm.models.recognizers.cocodiff_recognizer import CoCoDiffRecognizer
from cocodiff_mm.utils.recipe import GUEST_HOOK


def check_recipe(model: nn.Module, dataset: BaseDataset) -> None:
    """All checks of a model and its training set; see the single ones."""
    check_model(model)
    check_classes(model, dataset)
    check_widths(model, dataset)


def check_guest_hook(model: nn.Module, hooks: Iterable[Hook]) -> None:
    """Refuse a CoCoDiff recognizer whose recipe lost the two stages.

    A recipe that sets ``custom_hooks`` replaces the list of its base.

    Raises:
        ValueError: Saying what to add.
    """
    if isinstance(model, CoCoDiffRecognizer) and not any(
            type(hook).__name__ == GUEST_HOOK for hook in hooks):
        raise ValueError('CoCoDiffRecognizer without the hook TwoStageRunner: there would be no '
                         'stage 1, and the neck would learn at the rate of the backbone. Add it '
                         'to custom_hooks (_base_.cocodiff_hooks of configs/_base_/cocodiff.py); '
                         "to leave stage 1 out on purpose, set its strategy='joint_only'")


def check_model(model: nn.Module) -> None:
    """Refuse a neck that its recognizer would ignore.

    Stock MMAction2 recognizers for graph networks build a neck and never call it: it would get
    no gradient, and nothing would say so.

    Raises:
        ValueError: Naming recognizer and neck.
    """
    neck = getattr(model, 'neck', None)
    ignored = type(model) is RecognizerGCN or isinstance(neck, LatentDiffusionNeck)
    if neck is not None and ignored and not isinstance(model, CoCoDiffRecognizer):
        raise ValueError(f'{type(model).__name__} ignores its neck {type(neck).__name__}: it '
                         "would not learn; set model.type='CoCoDiffRecognizer' and "
                         "model.cls_head.type='CoCoDiffHead'")


def check_classes(model: nn.Module, dataset: BaseDataset) -> None:
    """Refuse data, head and text bank that do not speak of the same classes.

    Args:
        model (nn.Module): The recognizer.
        dataset (BaseDataset): The training set, wrappers included.

    Raises:
        ValueError: With the three numbers and where each comes from, or the first class whose
            name differs.
    """
    count, names, source = dataset_classes(dataset)
    counts = [('data', count, source),
              ('head', model.cls_head.num_classes, 'model.cls_head.num_classes')]
    neck = getattr(model, 'neck', None)
    if isinstance(neck, LatentDiffusionNeck):
        counts.append(('text bank', neck.num_classes, f'model.neck.text_bank={neck.text_bank!r}'))
    if len({number for _, number, _ in counts}) > 1:
        listed = '; '.join(f'{what}: {number} ({where})' for what, number, where in counts)
        raise ValueError(f'the numbers of classes differ: {listed}. Set the same label set in all')
    if not isinstance(neck, LatentDiffusionNeck):
        return
    if names is None:
        MMLogger.get_current_instance().warning(
            f'{source} does not say its class names: the order of classes of the text bank '
            f'{neck.text_bank!r} is taken on trust. Declare metainfo=dict(classes=[...])')
        return
    for i, (ours, theirs) in enumerate(zip(names, neck.classes, strict=True)):
        if ours != theirs:
            raise ValueError(f'class {i} is {ours!r} in the data ({source}) but {theirs!r} in the '
                             f'text bank {neck.text_bank!r}; use the bank of this data set, or '
                             'list its classes in label order in model.neck.classes')


def check_widths(model: nn.Module, dataset: BaseDataset) -> None:
    """Refuse a head or neck of another width than the backbone's, by one clip through it.

    Raises:
        ValueError: With both numbers.
    """
    widths = {'model.cls_head.in_channels': model.cls_head.in_channels}
    neck = getattr(model, 'neck', None)
    if isinstance(neck, LatentDiffusionNeck):
        widths['model.neck.in_channels'] = neck.in_channels
    training = model.training
    with torch.no_grad():
        data = model.eval().data_preprocessor(pseudo_collate([dataset[0]]))
        channels = model.extract_feat(data['inputs'])[0].shape[2]
    model.train(training)
    for key, width in widths.items():
        if width != channels:
            raise ValueError(f'{key}={width}, but the backbone gives {channels} channels; '
                             f'set {key}={channels}')


def dataset_classes(dataset: BaseDataset) -> tuple[int, Sequence[str] | None, str]:
    """Number of classes of a dataset, their names if declared, and where that is from."""
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    source = f'{getattr(dataset, "ann_file", "") or type(dataset).__name__}, ' \
             f'split {getattr(dataset, "split", None)!r}'
    names = (dataset.metainfo or {}).get('classes')
    if names is not None and not isinstance(names, str):
        return len(names), names, source
    labels = (int(dataset.get_data_info(i)['label']) for i in range(len(dataset)))
    return max(labels, default=-1) + 1, None, f'highest label + 1 in {source}'
