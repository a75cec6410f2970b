"""What the names of published clips say: who, where, how often, and which action."""

import re
from collections.abc import Callable

# Actions 7 and 10 of the recordings were never published.
NWUCLA_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
_NTU = r'S(?P<setup>\d{3})C(?P<camera>\d{3})P(?P<subject>\d{3})R(?P<replication>\d{3})' \
       r'A(?P<action>\d{3})'
_UTD_MHAD = r'a(?P<action>\d+)_s(?P<subject>\d+)_t(?P<replication>\d+)(_skeleton)?'
_PATTERNS = {
    'ntu60': _NTU,
    'ntu120': _NTU,
    'nwucla': r'a(?P<action>\d{2})_s(?P<subject>\d{2})_e(?P<replication>\d{2})_v(?P<camera>\d{2})',
    'utd_mhad': _UTD_MHAD,
    # Both persons of a pair are subjects; splits go by pairs, so no single number is given.
    'sbu': r's\d{2}s\d{2}_(?P<action>\d{2})_(?P<replication>\d{3})',
}


def parse_name(name: str, label_set: str) -> dict[str, int] | None:
    """Read a clip's name in the way of its data set.

    Args:
        name (str): Name, without folder and suffix.
        label_set (str): Data set, as in ``CLASSES``.

    Returns:
        dict[str, int] | None: ``label`` from 0 (-1 if the action is none of the set's) and those of
        ``subject``, ``camera``, ``setup`` and ``replication`` that the name tells; None if the
        name is not of the data set's form.
    """
    match = re.fullmatch(_PATTERNS.get(label_set, r'(?!)'), name)
    if match is None:
        return None
    found = {key: int(value) for key, value in match.groupdict().items()}
    return dict(label=_LABELS.get(label_set, _from_one)(found.pop('action')), **found)


def _from_one(action: int) -> int:
    return action - 1


def _nwucla(action: int) -> int:
    return NWUCLA_ACTIONS.index(action) if action in NWUCLA_ACTIONS else -1


_LABELS: dict[str, Callable[[int], int]] = {'nwucla': _nwucla}
