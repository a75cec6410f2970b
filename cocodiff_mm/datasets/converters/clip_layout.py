import json
from pathlib import Path
from typing import Any

from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.utils.graph import bones

_FORM = '{"joints": ["hips", "neck", ...], "bones": [["neck", "hips"], ...], "center": "hips"}'


def read_layout(layout: str | Path) -> tuple[str | dict[str, Any], tuple[str, ...]]:
    """Skeleton of one's own clips.

    Args:
        layout (str | Path): Built-in layout, or a JSON file of the names of the joints in their
            order in the clips, of the bones, each from child to parent, and of the joint that all
            bones lead to. Bones and center are names or numbers from 0.

    Returns:
        tuple[str | dict, tuple[str]]: Layout as in a backbone's ``graph_cfg``, and names of the
        joints.

    Raises:
        FileNotFoundError: If it is neither a built-in layout nor a file.
        ValueError: If the file does not describe a skeleton.
    """
    if layout in JOINTS:
        return str(layout), JOINTS[layout]
    path = Path(layout).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'unknown layout {str(layout)!r}; allowed: '
                                f'{", ".join(map(repr, JOINTS))}, or a JSON file {_FORM}')
    try:
        content = json.loads(path.read_text(encoding='utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not whole JSON: {error}; expected {_FORM}') from error
    return _own(content, path)


def _own(content: Any, path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    if not isinstance(content, dict) or set(content) != {'joints', 'bones', 'center'}:
        got = ', '.join(sorted(content)) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f'{path} holds {got}, expected {_FORM}')
    joints, edges = content['joints'], content['bones']
    if not isinstance(joints, list) or not joints or len(set(map(str, joints))) < len(joints) \
            or not all(isinstance(joint, str) and joint for joint in joints):
        raise ValueError(f'{path}: joints are not a list of different names; expected {_FORM}')
    if not isinstance(edges, list) or not all(
            isinstance(edge, list) and len(edge) == 2 for edge in edges):
        raise ValueError(f'{path}: bones are not a list of [child, parent]; expected {_FORM}')
    layout = dict(
        num_node=len(joints),
        inward=[[_number(joint, joints, path) for joint in edge] for edge in edges],
        center=_number(content['center'], joints, path))
    try:
        bones(layout)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    parents = [parent for child, parent in layout['inward'] if child == layout['center']]
    if parents:
        raise ValueError(f'{path}: the bones lead in a circle, as center '
                         f'{joints[layout["center"]]!r} has the parent {joints[parents[0]]!r}; '
                         'take that bone away, or choose another center')
    return layout, tuple(joints)


def _number(joint: Any, joints: list[str], path: Path) -> int:
    if isinstance(joint, str) and joint in joints:
        return joints.index(joint)
    if type(joint) is int and 0 <= joint < len(joints):
        return joint
    raise ValueError(f'{path}: {joint!r:.40} is no joint; expected one of the names in "joints" or '
                     f'a number from 0 to {len(joints) - 1}')
