"""What must agree before the first step: data, backbone, head, neck and bank."""

from collections.abc import Iterable, Sequence

import numpy as np
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
    check_widths(model, check_skeleton(model, dataset))


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


def check_skeleton(model: nn.Module, dataset: BaseDataset) -> dict:
    """Refuse clips of other joints or coordinates than the backbone was built for.

    Args:
        model (nn.Module): The recognizer.
        dataset (BaseDataset): The training set, wrappers included.

    Returns:
        dict: The first sample, after the pipeline.

    Raises:
        ValueError: With the numbers of both, and the file.
    """
    joints, coords = skeleton_of(model.backbone)
    # Coordinates that the pipeline adds to those of a stream, for BlockGCN's topology branch.
    more = getattr(model.backbone, 'more_channels', 0)
    clip = dataset.get_data_info(0)
    raw = np.shape(clip.get('keypoint', np.empty((0, 0))))[-2:]
    other = joints is not None and raw != (0, 0) and (
        raw[0] != joints or raw[1] + ('keypoint_score' in clip) < (coords or 0))
    try:
        sample = dataset[0]
    except Exception as error:
        # Steps for another skeleton fail in their own ways; a clip that fits is not to blame.
        if other:
            raise ValueError(_other_skeleton(joints, coords, *raw, dataset)) from error
        raise
    got = sample['inputs'].shape[-2:]
    if joints is not None and tuple(got) != (joints, coords + more if coords else got[1]):
        if other:
            raise ValueError(_other_skeleton(joints, coords, *raw, dataset))
        if got[0] == joints and {coords + more, got[1]} == {coords, 2 * coords}:
            raise ValueError(_joints_behind(coords, more, got[1], dataset))
        raise ValueError(_other_skeleton(joints, coords and coords + more, *got, dataset))
    return sample


def skeleton_of(backbone: nn.Module) -> tuple[int | None, int | None]:
    """Joints and coordinates a graph network was built for; None for what it does not say."""
    graph = getattr(backbone, 'graph', None)  # of MMAction2's networks
    joints = getattr(backbone, 'num_joints', None if graph is None else graph.A.shape[-1])
    return joints, None if joints is None else getattr(backbone, 'in_channels', None)


def _other_skeleton(joints: int, coords: int | None, got_joints: int, got_coords: int,
                    dataset: BaseDataset) -> str:
    kind = {2: '2-D ', 3: '3-D '}.get(coords, '')
    return (f'expected {coords or got_coords} coordinates of {joints} joints, got {got_coords} of '
            f'{got_joints} in {_source(dataset)}; use a {kind}file of {joints} joints, or a '
            'backbone whose graph_cfg.layout and in_channels are those of this one')


def _joints_behind(coords: int, more: int, got: int, dataset: BaseDataset) -> str:
    kind = f'{coords} of the stream' + (f' and {more} of the joints' if more else '')
    advice = ('put AppendJoints around the step of the pipeline that makes the stream '
              '(cocodiff_mm.datasets.loaders.blockgcn_loaders does), or set '
              'model.backbone.joint_channels=0' if more else
              'take AppendJoints from around the step that makes the stream, or use BlockGCN with '
              f'joint_channels={got - coords}')
    return (f'the backbone takes {coords + more} coordinates of a joint, {kind}, got {got} in '
            f'{_source(dataset)}; {advice}')


def check_widths(model: nn.Module, sample: dict) -> None:
    """Refuse a head or neck of another width than the backbone's, by one clip through it.

    Args:
        model (nn.Module): The recognizer.
        sample (dict): A clip after the pipeline.

    Raises:
        ValueError: With both numbers.
    """
    widths = {'model.cls_head.in_channels': model.cls_head.in_channels}
    neck = getattr(model, 'neck', None)
    if isinstance(neck, LatentDiffusionNeck):
        widths['model.neck.in_channels'] = neck.in_channels
    training = model.training
    with torch.no_grad():
        data = model.eval().data_preprocessor(pseudo_collate([sample]))
        channels = model.extract_feat(data['inputs'])[0].shape[2]
    model.train(training)
    for key, width in widths.items():
        if width != channels:
            raise ValueError(f'{key}={width}, but the backbone gives {channels} channels; '
                             f'set {key}={channels}')


def dataset_classes(dataset: BaseDataset) -> tuple[int, Sequence[str] | None, str]:
    """Number of classes of a dataset, their names if declared, and where that is from."""
    source = _source(dataset)
    dataset = _innermost(dataset)
    names = (dataset.metainfo or {}).get('classes')
    if names is not None and not isinstance(names, str):
        return len(names), names, source
    labels = (int(dataset.get_data_info(i)['label']) for i in range(len(dataset)))
    return max(labels, default=-1) + 1, None, f'highest label + 1 in {source}'


def _innermost(dataset: BaseDataset) -> BaseDataset:
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    return dataset


def _source(dataset: BaseDataset) -> str:
    dataset = _innermost(dataset)
    return f'{getattr(dataset, "ann_file", "") or type(dataset).__name__}, ' \
           f'split {getattr(dataset, "split", None)!r}'
