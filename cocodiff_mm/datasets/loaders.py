from collections.abc import Mapping, Sequence
from typing import Any

PARTS = ('train', 'val', 'test')


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
    """Dataloaders of a data set as deltas over those of ``configs/_base_/datasets/skeleton.py``.

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


def adapt(pipeline: Sequence[Mapping[str, Any]],
          steps: Mapping[str, Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """A pipeline with some steps changed, or taken out where the change is None.

    Steps that the pipeline does not have are ignored: one set of changes serves all samplings.
    """
    return [dict(step, **(steps.get(step['type']) or {})) for step in pipeline
            if steps.get(step['type'], {}) is not None]
