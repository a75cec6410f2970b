from collections.abc import Mapping, Sequence
from typing import Any

PARTS = ('train', 'val', 'test')
# Sets whose joints BlockGCN takes where they are: so do its authors for NW-UCLA, and for Kinetics
# a joint that was not found has to stay at zero.
_NOT_RELATIVE = ('nwucla', 'kinetics400')


def skeleton_loaders(base: Mapping[str, Any],
                     ann_file: str,
                     label_set: str | None,
                     layout: str | dict,
                     num_coords: int,
                     splits: tuple[str, str],
                     steps: Mapping[str, Mapping[str, Any] | None] | None = None,
                     first: Sequence[Mapping[str, Any]] = (),
                     pipelines: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
                     repeat: int = 1,
                     batch_size: int = 64,
                     num_workers: int = 4) -> list[dict[str, Any]]:
    """Dataloaders of a data set as deltas over those of ``configs/_base_/skeleton.py``.

    For config files: a data set's own file says what it is and which steps of the common
    pipelines differ.

    Args:
        base (Mapping): ``_base_`` of the config file.
        ann_file (str): Store of the data set.
        label_set (str | None): Its class names, a key of ``CLASSES``; None takes the store's.
        layout (str | dict): Its skeleton.
        num_coords (int): Coordinates of a joint.
        splits (tuple[str, str]): Names of the training and the validation split.
        steps (Mapping, optional): Changes by type of a step; None takes the step out.
        first (Sequence[Mapping]): Steps put before all others.
        pipelines (Mapping, optional): Pipelines of its own for ``train``, ``val`` and ``test``,
            in place of the common ones.
        repeat (int): How often an epoch goes through the training clips. Defaults to 1.
        batch_size (int): Clips per batch and process. Defaults to 64.
        num_workers (int): Worker processes per dataloader. Defaults to 4.

    Returns:
        list[dict]: Changes of train, validation and test dataloader.
    """
    loaders = []
    changes = dict(steps or {}, SkeletonStream=dict(layout=layout))
    for part in PARTS:
        pipeline = (base[f'{part}_dataloader']['dataset']['pipeline']
                    if pipelines is None else pipelines[part])
        dataset = dict(
            ann_file=ann_file,
            split=splits[part != 'train'],
            label_set=label_set,
            layout=layout,
            num_coords=num_coords,
            pipeline=[*first, *adapt(pipeline, changes)])
        if part == 'train' and repeat > 1:
            kind = base[f'{part}_dataloader']['dataset']
            dataset = dict(_delete_=True, type='RepeatDataset', times=repeat,
                           dataset=dict(kind, **dataset))
        loaders.append(dict(batch_size=batch_size, num_workers=num_workers, dataset=dataset))
    return loaders


def blockgcn_loaders(base: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Dataloaders of a recipe as BlockGCN takes clips: its kind of stream, then the joints.

    For config files, whatever the data set, stream and sampling. The stream is BlockGCN's authors'
    for the data set; other 3-D sets are treated as NTU RGB+D.

    Args:
        base (Mapping): ``_base_`` of the config file, with the ``label_set`` of the data set if
            that has one.

    Returns:
        list[dict]: Train, validation and test dataloader.

    Raises:
        ValueError: If a pipeline has no ``SkeletonStream``.
    """
    stream = 'SkeletonStream' if base.get('label_set') in _NOT_RELATIVE else 'RelativeStream'
    return [with_joints(base[f'{part}_dataloader'], stream) for part in PARTS]


def with_joints(loader: Mapping[str, Any], stream: str = 'SkeletonStream') -> dict[str, Any]:
    """A dataloader whose clips have the joints behind their stream, as more coordinates.

    See :class:`AppendJoints`; nothing but the step that makes the stream changes.

    Args:
        loader (Mapping): Dataloader whose pipeline has a ``SkeletonStream``, inside any wrappers
            of the dataset.
        stream (str): Type of the step that makes the stream in its place, with the same
            arguments. Defaults to ``'SkeletonStream'``.

    Returns:
        dict: The dataloader.

    Raises:
        ValueError: If the pipeline has no ``SkeletonStream``.
    """
    return dict(loader, dataset=_with_joints(loader['dataset'], stream))


def _with_joints(dataset: Mapping[str, Any], stream: str) -> dict[str, Any]:
    if 'dataset' in dataset:
        return dict(dataset, dataset=_with_joints(dataset['dataset'], stream))
    if 'datasets' in dataset:
        return dict(dataset, datasets=[_with_joints(part, stream) for part in dataset['datasets']])
    names = [step['type'] for step in dataset['pipeline']]
    if 'SkeletonStream' not in names:
        raise ValueError('the joints go where SkeletonStream is, but the pipeline has '
                         f'{", ".join(names)}; put AppendJoints around the step that makes the '
                         'stream, if there is none yet')
    return dict(dataset, pipeline=[
        dict(type='AppendJoints', step=dict(step, type=stream))
        if step['type'] == 'SkeletonStream' else step for step in dataset['pipeline']])


def adapt(pipeline: Sequence[Mapping[str, Any]],
          steps: Mapping[str, Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """A pipeline with some steps changed, or taken out where the change is None.

    Steps that the pipeline does not have are ignored: one set of changes serves all samplings.
    """
    return [dict(step, **(steps.get(step['type']) or {})) for step in pipeline
            if steps.get(step['type'], {}) is not None]
