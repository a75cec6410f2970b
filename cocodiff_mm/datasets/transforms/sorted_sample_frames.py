import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

_COPIES = 100


@TRANSFORMS.register_module()
class SortedSampleFrames(BaseTransform):
    """Draw frames of a clip at random, put in order, or evenly spaced ones.

    The sampling of CTR-GCN's authors (arXiv 2107.12213) for Northwestern-UCLA. Training draws,
    from ``np.random`` and without replacement, out of 100 copies of every frame, so nearly as if
    with replacement: about a third of the frames of a clip of ``clip_len`` are left out and others
    come several times. Testing takes ``linspace(0, total_frames - 1, clip_len)``, rounded down.

    As after ``UniformSampleFrames``, a ``PoseDecode`` further on picks the frames.

    Required Keys:

    - total_frames

    Added Keys:

    - frame_inds
    - clip_len
    - frame_interval
    - num_clips

    Args:
        clip_len (int): Number of frames. Defaults to 52.
        test_mode (bool): Whether frames are evenly spaced. Defaults to False.

    Raises:
        ValueError: If ``clip_len`` is below 1.
    """

    def __init__(self, clip_len: int = 52, test_mode: bool = False) -> None:
        if clip_len < 1:
            raise ValueError(f'clip_len={clip_len}, expected 1 or more frames')
        self.clip_len = clip_len
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Choose ``clip_len`` of ``total_frames`` frames."""
        frames = results['total_frames']
        if self.test_mode:
            inds = np.linspace(0, frames - 1, self.clip_len)
        else:
            inds = self._draw(frames)
        results.update(frame_inds=inds.astype(np.int32), clip_len=self.clip_len,
                       frame_interval=None, num_clips=1)
        return results

    def _draw(self, frames: int) -> np.ndarray:
        copies = max(_COPIES, self.clip_len)  # a single frame has to fill the clip
        total = frames * copies
        # R. W. Floyd's sampling without replacement: no shuffling of all copies for a few.
        ends = np.arange(total - self.clip_len, total)
        chosen = set()
        for end, pick in zip(ends.tolist(), np.random.randint(0, ends + 1).tolist(), strict=True):
            chosen.add(end if pick in chosen else pick)
        return np.array(sorted(chosen)) // copies

    def __repr__(self) -> str:
        return f'{type(self).__name__}(clip_len={self.clip_len}, test_mode={self.test_mode})'
