from .classes import CLASSES
from .skeleton_store_dataset import SkeletonStoreDataset
from .synthetic import SyntheticSkeletonDataset
from .transforms import (
    CenterSkeleton,
    CropResize,
    FastPreNormalize2D,
    FastPreNormalize3D,
    FastUniformSampleFrames,
    MinMaxNormalize,
    PadPersons,
    RandomRotation,
    RandomScale,
    SkeletonStream,
    SortedSampleFrames,
)

__all__ = [
    'CLASSES', 'CenterSkeleton', 'CropResize', 'FastPreNormalize2D', 'FastPreNormalize3D',
    'FastUniformSampleFrames', 'MinMaxNormalize', 'PadPersons', 'RandomRotation', 'RandomScale',
    'SkeletonStoreDataset', 'SkeletonStream', 'SortedSampleFrames', 'SyntheticSkeletonDataset'
]
