from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cocodiff_mm.text.generation.endpoint import KEY_VARIABLE, PLACEHOLDER, Endpoint
from cocodiff_mm.text.generation.schema import SCHEMAS

_LONGEST_MESSAGE = 300
# What a server says of one question; the next one may be fine.
_ABOUT_THE_QUESTION = 400, 422


class EndpointError(ValueError):
    """The endpoint does not answer, or not in a way that more questions would change."""


@dataclass(frozen=True)
class Reply:
    """What came back for one question.

    Args:
        content (str): The answer, empty if there is none.
        refusal (str, optional): Why the model does not answer.
        complete (bool): Whether the answer was not cut at the model's limit of tokens.
        model (str): Model as the server names it.
        prompt_tokens (int): Tokens of the question as counted by the server, 0 if not told.
        completion_tokens (int): Tokens of the answer, likewise.
        rejection (str, optional): Why the server does not even pass the question on to the model.
            Defaults to None.
    """

    content: str
    refusal: str | None
    complete: bool
    model: str
    prompt_tokens: int
    completion_tokens: int
    rejection: str | None = None


class ChatClient:
    """Asks questions through OpenAI's own client; may be used by several threads.

    Args:
        endpoint (Endpoint): Whom to ask.
        before_request (Callable): Called before each request, those that are sent again among
            them; it may wait.

    Attributes:
        plain_json (bool): Whether the server turned out not to know JSON schemas, so that plain
            JSON objects are asked for.

    Raises:
        ValueError: If the client is not installed, or the endpoint needs a key and has none.
    """

    def __init__(self, endpoint: Endpoint, before_request: Callable[[], None]) -> None:
        endpoint.check_key()
        try:
            import openai
        except ImportError as error:
            raise ValueError('asking a model needs the package openai; install it with '
                             "pip install 'cocodiff_mm[text]'") from error
        self._openai, self.endpoint, self.plain_json = openai, endpoint, False
        # A hook of the connection also sees the requests that the client sends again.
        http = openai.DefaultHttpxClient(
            event_hooks={'request': [lambda request: before_request()]})
        # It wants some key, and no server without keys looks at it.
        self._client = openai.OpenAI(
            api_key=endpoint.key or PLACEHOLDER, base_url=endpoint.url, timeout=endpoint.timeout,
            max_retries=endpoint.retries, http_client=http)

    def ask(self, kind: str, messages: Sequence[Mapping[str, str]]) -> Reply:
        """Ask one question.

        Args:
            kind (str): Kind of text, which says what form the answer has.
            messages (Sequence[Mapping[str, str]]): The conversation so far.

        Returns:
            Reply: What came back.

        Raises:
            EndpointError: In a sentence that is complete without the key.
        """
        plain = self.plain_json
        try:
            return self._read(self._send(kind, messages, plain))
        except self._openai.APIStatusError as error:
            if not plain and _is_about_schema(error):
                self.plain_json = True
                return self.ask(kind, messages)
            if error.code == 'content_filter':
                return Reply('', self._message(error), True, '', 0, 0)
            sentence = self._status_sentence(error)
            if error.status_code in _ABOUT_THE_QUESTION and not _is_about_schema(error):
                return Reply('', None, True, '', 0, 0, rejection=sentence)
            raise EndpointError(sentence) from error
        except self._openai.APITimeoutError as error:
            raise EndpointError(self._timeout_sentence()) from error
        except self._openai.APIConnectionError as error:
            why = self.endpoint.hide_key(str(error.__cause__ or error))
            raise EndpointError(f'{self.endpoint.url} can not be reached ({why}); check the '
                                '--base-url, and that its server runs') from error
        except (self._openai.APIError, ValueError) as error:
            if isinstance(error, EndpointError):
                raise
            raise EndpointError(self._no_chat_sentence()) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, kind: str, messages: Sequence[Mapping[str, str]], plain: bool) -> Any:
        form: dict[str, Any] = dict(type='json_object')
        if not plain:
            form = dict(type='json_schema', json_schema=dict(
                name=kind, strict=True, schema=SCHEMAS[kind]))
        return self._client.chat.completions.create(
            model=self.endpoint.model, messages=list(messages), response_format=form)

    def _read(self, completion: Any) -> Reply:
        """The client checks no types: whatever the server sends comes through."""
        choices = getattr(completion, 'choices', None)
        message = getattr(choices[0], 'message', None) if isinstance(choices, list) and choices \
            else None
        if message is None:
            raise EndpointError(self._no_chat_sentence())
        finish, usage = choices[0].finish_reason, completion.usage
        content, refusal = self._text(message.content), self._text(message.refusal)
        if finish == 'content_filter':
            refusal = refusal or content or 'withheld by the content filter of the server'
        return Reply(content, refusal or None, finish != 'length',
                     self._text(completion.model).strip() or self.endpoint.model,
                     _count(usage, 'prompt_tokens'), _count(usage, 'completion_tokens'))

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            return ''
        # Half a character can be in JSON, but neither be sent again nor be written down.
        return self.endpoint.hide_key(value.encode(errors='replace').decode())

    def _message(self, error: Any) -> str:
        """What the server says about an error, on one line."""
        body = error.body
        if isinstance(body, Mapping):
            body = body.get('message') or body.get('error') or body.get('detail') or body
        text = ' '.join(self.endpoint.hide_key(str(body or error.message)).split())
        return text if len(text) <= _LONGEST_MESSAGE else f'{text[:_LONGEST_MESSAGE]}...'

    def _status_sentence(self, error: Any) -> str:
        url, status = self.endpoint.url, error.status_code
        if status == 401:  # what servers say here often repeats a part of the key
            return (f'{url} does not accept the key in {KEY_VARIABLE} (HTTP 401); set it to a key '
                    'of that server' if self.endpoint.key else
                    f'{url} wants a key (HTTP 401) and {KEY_VARIABLE} is not set; set that '
                    'variable')
        said = f'HTTP {status}: {self._message(error)}'
        if status == 403:
            return f'{url} does not allow this ({said}); use another key or another --model'
        if status == 404:
            return (f'{url} does not know the model {self.endpoint.model!r} or is not the right '
                    f'address ({said}); check --model, and that --base-url ends as the server '
                    'wants it, mostly in /v1')
        tries = f'{self.endpoint.retries + 1} tries' if self.endpoint.retries else 'one try'
        if status == 429:
            return (f'{url} still takes no more requests after {tries} ({said}); lower '
                    '--requests-per-minute, or look after your quota')
        if status >= 500:
            return f'{url} still fails after {tries} ({said}); try again later'
        return f'{url} refuses the request ({said})'

    def _timeout_sentence(self) -> str:
        times = self.endpoint.retries + 1
        often = f', {times} times in a row' if times > 1 else ''
        return (f'{self.endpoint.url} did not answer within {self.endpoint.timeout:g} s{often}; '
                'check that its server runs, or give the model more time with --timeout')

    def _no_chat_sentence(self) -> str:
        return (f'{self.endpoint.url} answers, but not in the chat protocol of OpenAI; check that '
                '--base-url ends as the server wants it, mostly in /v1')


def _is_about_schema(error: Any) -> bool:
    """Whether a server does not take a JSON schema; there is no agreed status or code for it."""
    said = f'{error.message} {error.body}'
    return error.status_code != 401 and ('response_format' in said or 'json_schema' in said)


def _count(usage: Any, field: str) -> int:
    value = getattr(usage, field, None)
    return value if isinstance(value, int) else 0
