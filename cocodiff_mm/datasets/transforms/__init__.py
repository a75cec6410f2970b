from .skeleton_stream import SkeletonStream

__all__ = ['SkeletonStream']
