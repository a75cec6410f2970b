from collections.abc import Mapping
from typing import Any

from cocodiff_mm.utils.choices import check_choice

from .loaders import PARTS, adapt


def host_loaders(base: Mapping[str, Any], data_root: str, label_set: str, layout: str, split: str,
                 stream: str) -> list[dict[str, Any]]:
    """Dataloaders of an MMAction2 recipe, reading a store in place of its annotation file.

    For config files. Its transforms, batches and repetitions stay.

    Args:
        base (Mapping): ``_base_`` of the config file, MMAction2's recipe.
        data_root (str): Folder of the stores.
        label_set (str): Name of the store and of its class names, a key of ``CLASSES``.
        layout (str): Its skeleton.
        split (str): The split without ``_train`` and ``_val``.
        stream (str): What the network learns from: ``'j'``, ``'b'``, ``'jm'`` or ``'bm'``.

    Returns:
        list[dict]: Changes of train, validation and test dataloader.

    Raises:
        ValueError: If data or stream is not one of NTU RGB+D's.
    """
    check_choice('data', label_set, ('ntu60', 'ntu120'))
    check_choice('stream', stream, ('j', 'b', 'jm', 'bm'))
    loaders = []
    for part in PARTS:
        host = base[f'{part}_dataloader']['dataset']
        repeated = 'dataset' in host
        inner = host['dataset'] if repeated else host
        dataset = dict(
            _delete_=True,
            type='SkeletonStoreDataset',
            ann_file=f'{data_root}/{label_set}',
            split=f'{split}_{"train" if part == "train" else "val"}',
            label_set=label_set,
            layout=layout,
            num_coords=3,
            pipeline=adapt(inner['pipeline'], dict(GenSkeFeat=dict(feats=[stream]))),
            test_mode=part != 'train')
        loaders.append(dict(dataset=dict(dataset=dataset) if repeated else dataset))
    return loaders
