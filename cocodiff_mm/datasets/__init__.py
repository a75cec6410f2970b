from .classes import CLASSES
from .skeleton_store_dataset import SkeletonStoreDataset
from .synthetic import SyntheticSkeletonDataset
from .transforms import (
    AppendJoints,
    CenterSkeleton,
    CropResize,
    FastPreNormalize2D,
    FastPreNormalize3D,
    FastUniformSampleFrames,
    MinMaxNormalize,
    PadPersons,
    RandomRotation,
    RandomScale,
    RelativeStream,
    SkeletonStream,
    SortedSampleFrames,
)

__all__ = [
    'CLASSES', 'AppendJoints', 'CenterSkeleton', 'CropResize', 'FastPreNormalize2D',
    'FastPreNormalize3D', 'FastUniformSampleFrames', 'MinMaxNormalize', 'PadPersons',
    'RandomRotation', 'RandomScale', 'RelativeStream', 'SkeletonStoreDataset', 'SkeletonStream',
    'SortedSampleFrames', 'SyntheticSkeletonDataset'
]
