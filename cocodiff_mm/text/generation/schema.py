"""The form of the four answers: JSON schemas, and how an answer is read."""

import json
from typing import Any

from cocodiff_mm.text.class_text import JOINT_NAMES, PARTS, read_joints, read_parts


class BadAnswer(ValueError):
    """An answer is not of the form that was asked for.

    Args:
        reasons (list[str]): What is wrong, for who gave the answer.
    """

    def __init__(self, reasons: list[str]) -> None:
        super().__init__('; '.join(reasons))
        self.reasons = reasons


def _object(**properties: Any) -> dict[str, Any]:
    return dict(type='object', properties=properties, required=list(properties),
                additionalProperties=False)


_TEXT = dict(type='string')
# Only what every server's strict mode knows: numbers of texts and lengths are checked here alone.
SCHEMAS = {
    'coarse': _object(synonyms=dict(type='array', items=_TEXT)),
    'fine': _object(descriptions=dict(type='array', items=_TEXT)),
    'parts': _object(**dict.fromkeys(PARTS, _TEXT)),
    'joints': _object(names=dict(type='array', items=dict(type='string', enum=list(JOINT_NAMES))),
                      global_text=_TEXT, local_text=_TEXT),
}
_TYPES = {'object': dict, 'array': list, 'string': str}


def read_answer(kind: str, content: str) -> dict[str, Any]:
    """Read an answer and check its form.

    Args:
        kind (str): Kind of text, a key of :data:`SCHEMAS`.
        content (str): What the model wrote.

    Returns:
        dict: The answer, in the order of the schema; texts without spaces around them.

    Raises:
        BadAnswer: If it is no JSON or does not fit the schema.
    """
    content = _without_fence(content.strip())
    if not content.strip():
        raise BadAnswer(['the answer is empty'])
    try:
        answer = json.loads(content)
    except json.JSONDecodeError as error:
        raise BadAnswer([f'not valid JSON at line {error.lineno}, column {error.colno}: '
                         f'{error.msg}']) from error
    except (ValueError, RecursionError) as error:  # numbers too long, lists too deep
        raise BadAnswer([f'not JSON that can be read: {error}']) from error
    reasons: list[str] = []
    answer = _checked(answer, SCHEMAS[kind], 'the answer', reasons)
    if reasons:
        raise BadAnswer(reasons)
    return answer


def class_fields(kind: str, answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of a class.

    Args:
        kind (str): Kind of text.
        answer (dict): Of the form of its schema.

    Returns:
        dict: Arguments of ``ClassText``.

    Raises:
        BadAnswer: If a part or the joints are not as a corpus wants them.
    """
    try:
        if kind == 'parts':
            return dict(parts=read_parts(answer, 'the answer'))
        if kind == 'joints':
            return dict(joints=read_joints(answer, 'the answer'))
    except ValueError as error:
        raise BadAnswer([str(error)]) from error
    return {field: tuple(texts) for field, texts in answer.items()}


def _without_fence(content: str) -> str:
    """Servers that know no JSON form let a model write JSON as it does in a chat."""
    if len(content) < 6 or not (content.startswith('```') and content.endswith('```')):
        return content
    return content[3:-3].removeprefix('json')


def _checked(value: Any, schema: dict[str, Any], where: str, reasons: list[str]) -> Any:
    kind = schema['type']
    if not isinstance(value, _TYPES[kind]):
        reasons.append(f'{where} is {json.dumps(value)[:80]}, expected a JSON {kind}')
        return None
    if kind == 'array':
        return [_checked(item, schema['items'], f'{where}[{index}]', reasons)
                for index, item in enumerate(value)]
    if kind == 'object':
        return _checked_object(value, schema['properties'], where, reasons)
    value = value.strip()
    if 'enum' in schema and value not in schema['enum']:
        reasons.append(f'{where} is {value!r}, expected one of: {", ".join(schema["enum"])}')
    if any('\ud800' <= letter <= '\udfff' for letter in value):
        reasons.append(f'{where} holds half a character, {value!r}')
    return value


def _checked_object(value: dict[str, Any], properties: dict[str, Any], where: str,
                    reasons: list[str]) -> dict[str, Any]:
    missing = [key for key in properties if key not in value]
    unknown = [key for key in value if key not in properties]
    if missing:
        reasons.append(f'{where} lacks {", ".join(map(repr, missing))}')
    if unknown:
        reasons.append(f'{where} has {", ".join(map(repr, unknown))}, which nobody asked for')
    return {key: _checked(value[key], schema, key, reasons)
            for key, schema in properties.items() if key in value}
