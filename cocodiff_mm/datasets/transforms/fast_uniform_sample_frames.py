import numpy as np
from mmaction.datasets.transforms import UniformSampleFrames
from mmaction.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FastUniformSampleFrames(UniformSampleFrames):
    """MMAction2's ``UniformSampleFrames``, the same frames in a fraction of the time.

    MMAction2 looks for frames in which persons come or go, in a loop over all frames, and then
    rounds indices that are whole already: the loop is left out. In test mode it seeds NumPy for
    good; here the draws of whatever comes after go on as if nothing had happened.

    Required Keys:

    - total_frames

    Added Keys:

    - frame_inds
    - clip_len
    - frame_interval
    - num_clips

    Args:
        clip_len (int): Frames of a clip.
        num_clips (int): Number of clips. Defaults to 1.
        test_mode (bool): Whether the draws are the same each time. Defaults to False.
        seed (int): Seed of test mode. Defaults to 255.

    Raises:
        ValueError: If ``total_frames`` is not the number of frames.
    """

    def transform(self, results: dict) -> dict:
        """Choose frames; they are picked by ``PoseDecode`` further on."""
        keypoint = results.get('keypoint')
        if keypoint is not None and keypoint.shape[1] != results['total_frames']:
            raise ValueError(f'the clip {results.get("frame_dir")!r} has {keypoint.shape[1]} '
                             f'frames and total_frames={results["total_frames"]}')
        state = np.random.get_state() if self.test_mode else None
        chosen = super().transform(
            {key: value for key, value in results.items() if key != 'keypoint'})
        if state is not None:
            np.random.set_state(state)
        results.update(chosen)
        return results
