from .classes import CLASSES
from .skeleton_dataset import SkeletonDataset
from .synthetic import SyntheticSkeletonDataset
from .transforms import SkeletonStream

__all__ = ['CLASSES', 'SkeletonDataset', 'SkeletonStream', 'SyntheticSkeletonDataset']
