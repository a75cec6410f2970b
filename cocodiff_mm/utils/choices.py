from collections.abc import Sequence


def check_choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse a config value that is not among the allowed ones.

    Args:
        name (str): Config field, for the message.
        value: What the config says.
        allowed (Sequence): What it may say.

    Raises:
        ValueError: Naming the field, the value and the allowed values.
    """
    if value not in allowed:
        raise ValueError(f'unknown {name} {value!r}; allowed: '
                         f'{", ".join(repr(choice) for choice in allowed)}')
