"""NTU RGB+D's files read line by line and processed frame by frame, for comparison only."""

import numpy as np


def naive_read(path):
    """Bodies of a file: id to (frames without the empty ones, joints (n, 25, 3)); kept; dropped."""
    with open(path) as file:
        lines = [line.strip() for line in file.readlines()]
    bodies, dropped, kept, at = {}, [], 0, 1
    for frame in range(int(lines[0])):
        count = int(lines[at])
        at += 1
        if count == 0:
            dropped.append(frame)
            continue
        for _ in range(count):
            identity = lines[at].split()[0]
            rows = []
            for line in lines[at + 2:at + 2 + int(lines[at + 1])]:
                rows.append(np.array(line.split()[:3], dtype=np.float32))
            at += 2 + len(rows)
            frames, joints = bodies.setdefault(identity, ([], []))
            frames.append(kept)
            joints.append(np.stack(rows))
        kept += 1
    return {key: (value[0], np.stack(value[1])) for key, value in bodies.items()}, kept, dropped


def naive_actors(bodies, kept):
    """Joints (M, T, 25, 3) of the actors; None where the published processing has no answer."""
    bodies = {key: dict(first=frames[0], last=frames[0] + len(frames) - 1, joints=joints)
              for key, (frames, joints) in bodies.items()}
    single = len(bodies) == 1
    if not single:
        bodies = {key: body for key, body in bodies.items() if len(body['joints']) > 11}
        bodies = drop_wide(bodies) if len(bodies) > 1 else bodies
        if not bodies:
            return None
    order = sorted(bodies, key=lambda key: -bodies[key].get('motion', 0))
    video = [[np.zeros((25, 3), np.float32) for _ in range(2)] for _ in range(kept)]
    hull = [None, [0, 0]]
    for key in order:
        body = bodies[key]
        for person in (0, 1):
            if hull[person] is None:
                hull[person] = [body['first'], body['last']]
            elif common_frames(hull[person], body) > 1:
                continue
            for i, joints in enumerate(body['joints']):
                video[body['first'] + i][person] = joints
            hull[person] = [min(hull[person][0], body['first']), max(hull[person][1], body['last'])]
            break
    if not single:
        video = [pair for pair in video if pair[0].any() or pair[1].any()]
    return translate(video, 1 if len(order) == 1 else 2, single)


def common_frames(hull, body):
    return min(hull[1], body['last']) - max(hull[0], body['first']) + 1


def drop_wide(bodies):
    left = dict(bodies)
    for key, body in bodies.items():
        if len(left) == 1:
            break
        kept = []
        for joints in body['joints']:
            width = joints[:, 0].max() - joints[:, 0].min()
            height = joints[:, 1].max() - joints[:, 1].min()
            if float(width) <= 0.8 * float(height):
                kept.append(joints)
        if (len(body['joints']) - len(kept)) / len(body['joints']) >= 0.69754:
            del left[key]
            continue
        body['motion'] = min(motion(body['joints']), motion(np.stack(kept)))
    return left


def motion(joints):
    return float(sum(np.var(joints.reshape(-1, 3)[:, i].astype(np.float64)) for i in range(3)))


def translate(video, persons, single):
    origin = next((pair[0][1].copy() for pair in video if pair[0].any()), None)
    if origin is None:
        return None
    keypoint = np.zeros((persons, len(video), 25, 3), np.float32)
    for t, pair in enumerate(video):
        for m in range(persons):
            if persons == 1 or pair[m].any():
                keypoint[m, t] = pair[m] - origin
    return keypoint
