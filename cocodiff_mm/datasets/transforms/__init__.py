from .append_joints import AppendJoints
from .center_skeleton import CenterSkeleton
from .crop_resize import CropResize
from .fast_pre_normalize2d import FastPreNormalize2D
from .fast_pre_normalize3d import FastPreNormalize3D
from .fast_uniform_sample_frames import FastUniformSampleFrames
from .min_max_normalize import MinMaxNormalize
from .pad_persons import PadPersons
from .random_rotation import RandomRotation
from .random_scale import RandomScale
from .relative_stream import RelativeStream
from .skeleton_stream import SkeletonStream
from .sorted_sample_frames import SortedSampleFrames

__all__ = [
    'AppendJoints', 'CenterSkeleton', 'CropResize', 'FastPreNormalize2D', 'FastPreNormalize3D',
    'FastUniformSampleFrames', 'MinMaxNormalize', 'PadPersons', 'RandomRotation', 'RandomScale',
    'RelativeStream', 'SkeletonStream', 'SortedSampleFrames'
]
