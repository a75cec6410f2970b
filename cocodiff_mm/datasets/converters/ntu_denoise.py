"""From the bodies of an NTU RGB+D file to the one or two actors that networks are trained on."""

from dataclasses import dataclass

import numpy as np

from cocodiff_mm.datasets.converters.ntu_skeleton import Recording

SHORTEST = 12  # frames; what is shorter is noise
WIDEST = 0.8  # of the height
WIDE_FRAMES = 0.69754  # share of frames wider than that which makes a body noise
ORIGIN = 1  # joint 2, the middle of the spine
OVERLAP = 'bodies beside two actors left out'


@dataclass(eq=False)
class _Track:
    """A body: its first frame, joints (n, 25, 3) and, where it matters, how much it moves."""

    start: int
    joints: np.ndarray
    motion: float = 0.0

    @property
    def end(self) -> int:
        return self.start + len(self.joints) - 1


def find_actors(recording: Recording) -> tuple[np.ndarray, tuple[str, ...]]:
    """Choose the actors of a recording and put them in place, as published results have it.

    The processing of SGN's authors (arXiv 1904.01189), which CTR-GCN's (arXiv 2107.12213) and
    others share. A file of one body is taken as it is. Otherwise bodies of 11 frames or fewer are
    left out; then, in the order of the file and as long as two are left, those that are wider than
    0.8 of their height in 69.754 % of their frames or more. The rest is sorted by motion, which is
    the variance of the joints summed over x, y and z, without the wide frames if that is less.
    The first body becomes actor 1; each further one joins actor 1 if they have at most one frame
    in common, else actor 2, else it is left out. Frames without any actor are dropped. At last
    joint 2 of actor 1, in its first frame, becomes the origin.

    Some of it is odd, and kept as it is, since published figures rest on it:

    - A body that comes back after a gap is shown without the gap, too early by its length.
    - Actor 2 counts as present from frame 0 on: who ends before its first frame can't join it.
    - Where a body that joins an actor shares a frame with it, the later body's joints stay.
    - An actor 2 all of whose bodies joined actor 1 remains, as zeros: the clip has two persons.
    - Thresholds of motion are defined by the authors but never used.
    - A frame that the file fills with zeros is moved with the others if the file has one body.

    Where it says otherwise, the following is ours: the authors look for frames without an actor
    by a sum of joints that is 0, this function by joints that are all 0; their code ends with an
    error for the two recordings under Raises; and they repeat a lone actor for NTU RGB+D 120, and
    fill up with zeros for NTU RGB+D 60, when they save, which is left to training here.

    Args:
        recording (Recording): What the file holds.

    Returns:
        tuple[np.ndarray, tuple[str, ...]]: Joints in metres, float32, shape (M, T, 25, 3): M is 1
        if one body was left, else 2, and an actor is zero in frames that don't show it. And
        what was changed, in words.

    Raises:
        ValueError: If no body has more than 11 frames, or all joints of actor 1 are 0.
    """
    tracks = [_Track(int(frames[0]), joints) for frames, joints in recording.bodies.values()]
    notes = ['frames without a body dropped'] if recording.dropped else []
    if any(frames[-1] - frames[0] >= len(frames) for frames, _ in recording.bodies.values()):
        notes.append('gaps of a body closed')
    if len(tracks) == 1:
        return _centre(tracks[0].joints[None].copy()), tuple(notes)
    tracks = _without_short(tracks, notes)
    if len(tracks) > 1:
        tracks = _without_wide(tracks, notes)
    actors = _place(tracks, recording.num_frames, notes)
    return _centre(actors[:, actors.any(axis=(0, 2, 3))]), tuple(notes)


def _without_short(tracks: list[_Track], notes: list[str]) -> list[_Track]:
    left = [track for track in tracks if len(track.joints) >= SHORTEST]
    if not left:
        raise ValueError(f'none of its {len(tracks)} bodies is there for {SHORTEST} frames, the '
                         f'longest for {max(len(track.joints) for track in tracks)}')
    if len(left) < len(tracks):
        notes.append(f'bodies of fewer than {SHORTEST} frames left out')
    return left


def _without_wide(tracks: list[_Track], notes: list[str]) -> list[_Track]:
    """Leave out bodies that are mostly wide, in order as long as two are left; sort the rest."""
    left = list(tracks)
    for track in tracks:
        if len(left) == 1:
            break
        span = np.ptp(track.joints, axis=1)
        # Not in float32: a float32 times a Python float was a float64 when the figures were made.
        wide = span[:, 0] > WIDEST * span[:, 1].astype(np.float64)
        if np.count_nonzero(wide) / len(wide) >= WIDE_FRAMES:
            left.remove(track)
        else:
            track.motion = min(_motion(track.joints), _motion(track.joints[~wide]))
    if len(left) < len(tracks):
        notes.append('bodies wider than tall left out')
    return sorted(left, key=lambda track: track.motion, reverse=True)


def _motion(joints: np.ndarray) -> float:
    # In float32, as the authors do: bodies that move about as much must come in their order.
    return float(np.var(joints.reshape(-1, 3), axis=0).sum())


def _place(tracks: list[_Track], num_frames: int, notes: list[str]) -> np.ndarray:
    """Joints of one actor if there is one body, else of two, shape (M, num_frames, 25, 3)."""
    actors = np.zeros((min(len(tracks), 2), num_frames, *tracks[0].joints.shape[1:]), np.float32)
    present = [(tracks[0].start, tracks[0].start), (0, 0)]
    for track in tracks:
        for i, (start, end) in enumerate(present):
            if min(end, track.end) <= max(start, track.start):
                actors[i, track.start:track.end + 1] = track.joints
                present[i] = min(start, track.start), max(end, track.end)
                break
        else:
            if OVERLAP not in notes:
                notes.append(OVERLAP)
    return actors


def _centre(actors: np.ndarray) -> np.ndarray:
    """Move the origin to joint 2 of actor 1 in its first frame; a missing actor stays zero."""
    shown = actors.any(axis=(2, 3))
    if not shown[0].any():
        raise ValueError('the joints of its main body are 0 in all frames')
    missing = ~shown if len(actors) > 1 else np.zeros_like(shown)
    actors -= actors[0, shown[0].argmax(), ORIGIN]
    actors[missing] = 0
    return actors
