from collections.abc import Callable

from mmaction.datasets import PoseDataset
from mmaction.registry import DATASETS

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.safe_pickle import load_arrays


@DATASETS.register_module()
class SkeletonDataset(PoseDataset):
    """MMAction2's ``PoseDataset`` that knows its class names and refuses a wrong file.

    Args:
        ann_file (str): Pickle ``dict(split={name: [frame_dir]}, annotations=[dict(frame_dir,
            label, total_frames, keypoint (M, T, V, C), ...)])``.
        pipeline (list[dict | Callable]): Transforms.
        split (str): Name of the split, e.g. ``'xsub_train'``.
        label_set (str, optional): Whose class names the labels index: ``'ntu120'``, ``'ntu60'``,
            ``'nwucla'``, ``'sbu'`` or ``'synthetic'``.
        test_mode (bool): Whether samples are for testing. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another format, has no such split, or a label is outside
            the label set.
    """

    def __init__(self,
                 ann_file: str,
                 pipeline: list[dict | Callable],
                 split: str,
                 label_set: str | None = None,
                 test_mode: bool = False) -> None:
        metainfo = None
        if label_set is not None:
            check_choice('label_set', label_set, tuple(CLASSES))
            metainfo = dict(classes=CLASSES[label_set])
        self.label_set = label_set
        super().__init__(
            ann_file, pipeline=pipeline, split=split, test_mode=test_mode, metainfo=metainfo)

    def load_data_list(self) -> list[dict]:
        """Annotations of the split."""
        data = load_arrays(self.ann_file)
        if not isinstance(data, dict) or not {'split', 'annotations'} <= set(data):
            raise ValueError(f'{self.ann_file}: expected a dict with split and annotations, got '
                             f'{sorted(data) if isinstance(data, dict) else type(data).__name__}')
        if self.split not in data['split']:
            raise ValueError(f'{self.ann_file} has no split {self.split!r}; it has: '
                             f'{", ".join(sorted(data["split"]))}')
        names = set(data['split'][self.split])
        annotations = [a for a in data['annotations'] if a['frame_dir'] in names]
        if self.label_set is not None:
            self._check_labels(annotations)
        return annotations

    def _check_labels(self, annotations: list[dict]) -> None:
        count = len(CLASSES[self.label_set])
        for annotation in annotations:
            if not 0 <= annotation['label'] < count:
                raise ValueError(
                    f'{self.ann_file}: {annotation["frame_dir"]} has label '
                    f'{annotation["label"]}, but label set {self.label_set!r} has {count} '
                    'classes; is it the file of another data set?')
