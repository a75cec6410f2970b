"""What CTR-GCN's authors do with a clip of NTU RGB+D or Northwestern-UCLA, frame by frame.

Written down from the description of their processing, in float64, for comparison only. Random
numbers are arguments; joints count from 1 in the table of bones, as in NTU's documentation.
"""

import math

import numpy as np

NTU_BONES = {1: 2, 2: 21, 3: 21, 4: 3, 5: 21, 6: 5, 7: 6, 8: 7, 9: 21, 10: 9, 11: 10, 12: 11,
             13: 1, 14: 13, 15: 14, 16: 15, 17: 1, 18: 17, 19: 18, 20: 19, 21: 21, 22: 23, 23: 8,
             24: 25, 25: 12}
UCLA_BONES = {1: 2, 2: 3, 3: 3, 4: 3, 5: 3, 6: 5, 7: 6, 8: 7, 9: 3, 10: 9, 11: 10, 12: 11, 13: 1,
              14: 13, 15: 14, 16: 15, 17: 1, 18: 17, 19: 18, 20: 19}


def naive_ntu(clip, stream, part, start=None, angles=None, frames=64, persons=2, duplicate=False):
    """A clip (M, T, 25, 3) as (persons, frames, 25, 3); ``start`` is None for testing."""
    valid = sum(1 for t in range(clip.shape[1]) if clip[:, t].sum() != 0)
    if start is None:
        margin = int((1 - part) * valid / 2)
        chosen = range(margin, valid - margin)
    else:
        chosen = range(start, start + naive_length(valid, part, frames))
    clip = naive_resize(clip[:, list(chosen)], frames)
    if angles is not None:
        clip = naive_rotate(clip, angles)
    clip = naive_stream(clip, stream, NTU_BONES)
    if len(clip) == 1 and duplicate:
        return np.stack([clip[0]] * persons)
    return np.stack([clip[m] if m < len(clip) else np.zeros_like(clip[0]) for m in range(persons)])


def naive_ucla(clip, stream, inds=None, angles=(0, 0), scale=1, frames=52):
    """A clip (T, 20, 3) as (frames, 20, 3); ``inds`` is None for testing. Angles about x and y."""
    if inds is None:
        inds = [int(i * (len(clip) - 1) / (frames - 1)) for i in range(frames)]
    clip = clip.astype(np.float64) - clip[0, 1]
    about_x, about_y = angles
    cos, sin = math.cos(about_x), math.sin(about_x)
    turn_x = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    cos, sin = math.cos(about_y), math.sin(about_y)
    turn_y = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    # Row vectors here, unlike in their code for NTU.
    clip = np.array([[joint @ (turn_y @ turn_x @ (scale * np.eye(3))) for joint in frame]
                     for frame in clip])
    for axis in range(3):
        values = clip[..., axis]
        clip[..., axis] = (values - values.min()) / (values.max() - values.min()) * 2 - 1
    return naive_stream(np.array([clip[i] for i in inds])[None], stream, UCLA_BONES)[0]


def naive_length(valid, part, lowest):
    """How many frames training takes."""
    return min(max(math.floor(part * valid), lowest), valid)


def naive_resize(clip, frames):
    """Linear in time between the centres of the old frames, taken at the centres of the new."""
    count = clip.shape[1]
    result = np.zeros((len(clip), frames, *clip.shape[2:]))
    for i in range(frames):
        place = min(max((i + 0.5) * count / frames - 0.5, 0), count - 1)
        before = math.floor(place)
        after = min(before + 1, count - 1)
        result[:, i] = (1 - (place - before)) * clip[:, before] + (place - before) * clip[:, after]
    return result


def naive_rotate(clip, angles):
    """Rz Ry Rx times every joint."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    turn_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    turn_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    turn_z = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    return np.einsum('ij,mtvj->mtvi', turn_z @ turn_y @ turn_x, clip)


def naive_stream(clip, stream, bones):
    """Bones first, then motion."""
    if 'b' in stream:
        bone = np.zeros_like(clip)
        for joint, parent in bones.items():
            bone[:, :, joint - 1] = clip[:, :, joint - 1] - clip[:, :, parent - 1]
        clip = bone
    if 'm' in stream:
        motion = np.zeros_like(clip)
        for t in range(clip.shape[1] - 1):
            motion[:, t] = clip[:, t + 1] - clip[:, t]
        clip = motion
    return clip
