from collections.abc import Callable
from functools import lru_cache

import numpy as np
from mmaction.datasets import PoseDataset
from mmaction.registry import DATASETS

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.seeded_draws import DrawSeeds, SeededDraws
from cocodiff_mm.datasets.synthetic_motion.actions import ACTIONS, perform
from cocodiff_mm.datasets.synthetic_motion.sensor import (
    VIEWS,
    add_noise,
    drop_joints,
    to_camera,
)
from cocodiff_mm.datasets.synthetic_motion.subject import Manner, make_subject
from cocodiff_mm.utils.choices import check_choice

SPLITS = ('xsub_train', 'xsub_val', 'xview_train', 'xview_val')


def make_synthetic(seed: int = 0,
                   num_subjects: int = 16,
                   repetitions: int = 1,
                   noise_std: float = 0.018,
                   drop_rate: float = 0.04,
                   variety: float = 1.0) -> dict:
    """Make the synthetic skeleton set: 17 actions by virtual subjects before a virtual Kinect.

    Each clip is a take of its own whose random draws depend on the seed, action, subject, view
    and repetition only, so a larger set contains the smaller ones. Every subject performs each
    action before each of three cameras (-45, 0 and 45 degrees), ``repetitions`` times; in actions
    of two persons with a partner from the same half of X-Sub, in either order in the clip.

    Args:
        seed (int): Seed of everything, 0 or more. Defaults to 0.
        num_subjects (int): Number of subjects, a multiple of 4. Defaults to 16.
        repetitions (int): Takes per subject, action and view. Defaults to 1.
        noise_std (float): Noise of the joint estimates at the trunk, metres; twice that at hands
            and feet, more where the trunk hides a joint. Defaults to 0.018.
        drop_rate (float): Chance that a joint is lost for a moment in a clip. Defaults to 0.04.
        variety (float): How much subjects and takes differ from each other. Defaults to 1.

    Returns:
        dict: Annotations as MMAction2's ``PoseDataset`` reads them: ``split`` maps each of
        ``xsub_train``, ``xsub_val`` (other subjects), ``xview_train`` and ``xview_val`` (another
        camera) to names of clips, ``annotations`` lists ``dict(frame_dir, label, total_frames,
        keypoint)`` with float32 joints (M, T, 25, 3) in NTU RGB+D's order, metres in camera
        space at 30 frames per second. All callers share the result; its arrays are read-only.

    Raises:
        ValueError: If an argument is out of its range.
    """
    _check(seed, num_subjects, repetitions, noise_std, drop_rate, variety)
    # Train, validation and test sets of one process share the clips.
    return _make(seed, num_subjects, repetitions, noise_std, drop_rate, variety)


@lru_cache(maxsize=4)
def _make(seed: int, num_subjects: int, repetitions: int, noise_std: float, drop_rate: float,
          variety: float) -> dict:
    subjects = [make_subject(seed, index, variety) for index in range(num_subjects)]
    annotations = []
    split = {name: [] for name in SPLITS}
    for subject in range(num_subjects):
        for view in range(len(VIEWS)):
            for repetition in range(repetitions):
                for label, name in enumerate(CLASSES['synthetic']):
                    members = (subject, subject ^ 2)[:ACTIONS[name].persons]
                    key = (seed, label, subject, view, repetition)
                    manners = [_manner(key, member, variety) for member in members]
                    scene = perform(name, [subjects[member] for member in members], manners)
                    clip = _record(scene, key, noise_std, drop_rate)
                    frame_dir = (f'S001C{view + 1:03}P{subject + 1:03}R{repetition + 1:03}'
                                 f'A{label + 1:03}')
                    annotations.append(dict(
                        frame_dir=frame_dir, label=label, total_frames=clip.shape[1],
                        keypoint=clip))
                    split['xview_val' if view == 0 else 'xview_train'].append(frame_dir)
                    split['xsub_val' if subject % 2 else 'xsub_train'].append(frame_dir)
    return dict(split=split, annotations=annotations)


def _check(seed: int, num_subjects: int, repetitions: int, noise_std: float, drop_rate: float,
           variety: float) -> None:
    if seed < 0:
        raise ValueError(f'seed must be 0 or more, got {seed}')
    if num_subjects < 4 or num_subjects % 4:
        raise ValueError(f'num_subjects must be a multiple of 4, so that both halves of X-Sub '
                         f'consist of pairs; got {num_subjects}')
    if repetitions < 1:
        raise ValueError(f'repetitions must be 1 or more, got {repetitions}')
    if noise_std < 0:
        raise ValueError(f'noise_std must be 0 or more (metres), got {noise_std}')
    if not 0 <= drop_rate <= 1:
        raise ValueError(f'drop_rate must be a chance from 0 to 1, got {drop_rate}')
    if not 0 <= variety <= 1.5:
        raise ValueError(f'variety must be from 0 to 1.5, got {variety}')


def _manner(key: tuple[int, ...], member: int, variety: float) -> Manner:
    seed, label, *_ = key
    habit = np.random.SeedSequence((seed, 2, label, member))
    take = np.random.SeedSequence((*key[:1], 3, *key[1:], member))
    return Manner(np.random.default_rng(habit), np.random.default_rng(take), variety)


def _record(scene: np.ndarray, key: tuple[int, ...], noise_std: float,
            drop_rate: float) -> np.ndarray:
    generator = np.random.default_rng(np.random.SeedSequence((*key[:1], 4, *key[1:])))
    seen = to_camera(scene, key[3], generator)
    persons = [drop_joints(add_noise(person, noise_std, generator), drop_rate, generator)
               for person in seen]
    if len(persons) == 2 and generator.random() < 0.5:
        persons.reverse()
    clip = np.stack(persons).astype(np.float32)
    clip.setflags(write=False)
    return clip


@DATASETS.register_module()
class SyntheticSkeletonDataset(SeededDraws, PoseDataset):
    """The synthetic skeleton set, made when needed; see :func:`make_synthetic`.

    Args:
        pipeline (list[dict | Callable]): Transforms.
        split (str): ``'xsub_train'``, ``'xsub_val'``, ``'xview_train'`` or ``'xview_val'``.
        ann_file (str): Ignored, so that a recipe for a data set on disk can switch by its type.
            Defaults to ''.
        seed (int): Seed of the set. Defaults to 0.
        num_subjects (int): Number of subjects, a multiple of 4. Defaults to 16.
        repetitions (int): Takes per subject, action and view. Defaults to 1.
        noise_std (float): Sensor noise, metres. Defaults to 0.018.
        drop_rate (float): Chance that a joint is lost for a moment. Defaults to 0.04.
        variety (float): How much subjects and takes differ. Defaults to 1.
        test_mode (bool): Whether samples are for testing. Defaults to False.

    Raises:
        ValueError: If the split is unknown or an argument is out of its range.
    """

    METAINFO = dict(classes=CLASSES['synthetic'])

    def __init__(self,
                 pipeline: list[dict | Callable],
                 split: str,
                 ann_file: str = '',
                 seed: int = 0,
                 num_subjects: int = 16,
                 repetitions: int = 1,
                 noise_std: float = 0.018,
                 drop_rate: float = 0.04,
                 variety: float = 1.0,
                 test_mode: bool = False) -> None:
        check_choice('split', split, SPLITS)
        self.make_args = (seed, num_subjects, repetitions, noise_std, drop_rate, variety)
        self.draw_seeds = DrawSeeds(f'synthetic {split}')
        super().__init__('', pipeline=pipeline, split=split, test_mode=test_mode)

    def load_data_list(self) -> list[dict]:
        """Annotations of the split."""
        data = make_synthetic(*self.make_args)
        names = set(data['split'][self.split])
        return [dict(clip) for clip in data['annotations'] if clip['frame_dir'] in names]
