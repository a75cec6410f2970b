from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class CropResize(BaseTransform):
    """Cut a stretch out of a clip and resize it to a fixed number of frames, linearly in time.

    The sampling of CTR-GCN's authors (arXiv 2107.12213), which HD-GCN and BlockGCN share. Of the n
    frames that hold a pose, training takes floor(p n) from a random start, p drawn from an
    interval; testing takes the middle, without ``int((1 - p) n / 2)`` frames on either side.
    Draws come from ``np.random`` in the order of the authors' code.

    Frames without a pose are left out wherever they are: NTU RGB+D has them at the end only, where
    the authors' code cuts them off, Kinetics-Skeleton anywhere. Unlike theirs, a clip without any
    pose gives ``clip_len`` frames of zeros, and a frame holds a pose if any coordinate is not 0,
    whatever their sum.

    Required Keys:

    - keypoint
    - keypoint_score (optional)

    Modified Keys:

    - keypoint
    - keypoint_score (optional)
    - total_frames

    Added Keys:

    - clip_len
    - frame_interval
    - num_clips

    Args:
        clip_len (int): Frames of the result. Defaults to 64.
        p_interval (tuple[float]): Part of the clip to take, above 0 and up to 1: lowest and
            highest for training, a single number for testing. Defaults to (0.5, 1.0).
        min_frames (int, optional): Training takes no fewer frames than this, or all that there
            are. Defaults to ``clip_len``.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(self,
                 clip_len: int = 64,
                 p_interval: Sequence[float] = (0.5, 1.0),
                 min_frames: int | None = None) -> None:
        if clip_len < 1 or (min_frames is not None and min_frames < 1):
            raise ValueError(f'clip_len={clip_len} and min_frames={min_frames}: expected 1 or more '
                             'frames')
        if not (isinstance(p_interval, Sequence) and len(p_interval) in (1, 2)
                and 0 < p_interval[0] <= p_interval[-1] <= 1):
            raise ValueError(f'p_interval={p_interval!r}: expected (lowest, highest) for training '
                             'or (part, ) for testing, each above 0 and up to 1, as in (0.5, 1.0) '
                             'or (0.95, )')
        self.clip_len = clip_len
        self.p_interval = tuple(p_interval)
        self.min_frames = clip_len if min_frames is None else min_frames

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) by float32 (M, clip_len, V, C)."""
        held = frames_with_a_pose(results['keypoint'])
        frames = results['keypoint'].shape[1] if held is None else len(held)
        stretch = slice(*self._stretch(max(frames, 1)))
        if held is not None and frames:
            stretch = held[stretch]
        for key in ('keypoint', 'keypoint_score'):
            if key in results:
                results[key] = resize_frames(results[key][:, stretch], self.clip_len)
        results.update(total_frames=self.clip_len, clip_len=self.clip_len, frame_interval=None,
                       num_clips=1)
        return results

    def _stretch(self, frames: int) -> tuple[int, int]:
        """First frame and the one after the last."""
        low, high = self.p_interval[0], self.p_interval[-1]
        if len(self.p_interval) == 1:
            margin = int((1 - low) * frames / 2)
            return margin, frames - margin
        part = np.random.rand() * (high - low) + low
        length = min(max(int(part * frames), self.min_frames), frames)
        start = int(np.random.randint(0, frames - length + 1))
        return start, start + length

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(clip_len={self.clip_len}, p_interval={self.p_interval}, '
                f'min_frames={self.min_frames})')


def frames_with_a_pose(keypoint: np.ndarray) -> np.ndarray | None:
    """Frames in which any coordinate of any person is not 0.

    Args:
        keypoint (np.ndarray): Joints, shape (M, T, V, C).

    Returns:
        np.ndarray | None: Their indices, or None if that is all of them.
    """
    # Nearly always the first joint of the first person tells.
    if (keypoint[0, :, 0] != 0).any(-1).all():
        return None
    held = (keypoint != 0).any((0, 2, 3))
    return None if held.all() else np.flatnonzero(held)


def resize_frames(frames: np.ndarray, length: int) -> np.ndarray:
    """Resize in time as ``torch.nn.functional.interpolate`` does in linear mode.

    Frames are cells whose centres are mapped (``align_corners=False``); nothing is smoothed when
    the clip gets shorter.

    Args:
        frames (np.ndarray): Shape (M, T, ...), T >= 1.
        length (int): Number of frames of the result.

    Returns:
        np.ndarray: New float32 array (M, length, ...).
    """
    frames = np.asarray(frames)
    count = frames.shape[1]
    if count == length:
        return np.array(frames, dtype=np.float32)
    before, after, weight = _weights(count, length)
    start = frames[:, before].astype(np.float32, copy=False)
    result = frames[:, after].astype(np.float32, copy=False)
    result -= start
    result *= weight.reshape(-1, *[1] * (frames.ndim - 2))
    result += start
    return result


@lru_cache(maxsize=512)
def _weights(count: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The frames on either side of each new one, and the weight of the later."""
    # Torch rounds the scale to float32, and then the place, once (a fused multiply-add). Exact
    # places would differ from its by some 1e-5 of a frame, in a clip of 300.
    scale = float(np.float32(count) / np.float32(length))
    place = (scale * (np.arange(length) + 0.5) - 0.5).clip(0, count - 1).astype(np.float32)
    before = place.astype(np.intp)
    weight = (place - before).astype(np.float32)
    return before, np.minimum(before + 1, count - 1), weight
