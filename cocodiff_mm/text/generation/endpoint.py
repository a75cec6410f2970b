import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

OPENAI_URL = 'https://api.openai.com/v1'
KEY_VARIABLE = 'OPENAI_API_KEY'
_LOCAL = 'http://localhost:11434/v1 (Ollama) or http://localhost:8000/v1 (vLLM)'
# What stands in for a key where a server needs none.
PLACEHOLDER = 'none'
# Shorter ones may be a part of any word.
_SHORTEST_KEY = 8


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's chat protocol, and the model asked there.

    Args:
        url (str): Address up to and without ``/chat/completions``.
        model (str): Name of the model at that server.
        key (str, optional): What the server wants to see; it is never shown. Defaults to None.
        timeout (float): Seconds without a sign of the server after which a request counts as
            failed. Defaults to 60.
        retries (int): How often a failed request is sent again. Defaults to 4.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    retries: int = 4

    @classmethod
    def from_environment(cls, url: str | None, model: str, timeout: float = 60.0,
                         retries: int = 4,
                         environment: Mapping[str, str] = os.environ) -> 'Endpoint':
        """An endpoint with the key, and if none is given the address, of the environment.

        Args:
            url (str, optional): Address; ``OPENAI_BASE_URL`` or else OpenAI's own if None.
            model (str): Name of the model.
            timeout (float): Seconds, see above. Defaults to 60.
            retries (int): See above. Defaults to 4.
            environment (Mapping[str, str]): Variables. Defaults to the process's.

        Returns:
            Endpoint: The endpoint; whether there is a key is only checked by
            :meth:`check_key`.

        Raises:
            ValueError: If the address is none, or the key can not be sent.
        """
        url = url or environment.get('OPENAI_BASE_URL') or OPENAI_URL
        key = environment.get(KEY_VARIABLE, '').strip() or None
        _check_url(url)
        if key is not None and not (key.isascii() and key.isprintable() and ' ' not in key):
            raise ValueError(f'{KEY_VARIABLE} holds a space or a letter that no key has; set it '
                             'to the key and nothing else')
        return cls(url.rstrip('/'), model, key, timeout, retries)

    def check_key(self) -> None:
        """Refuse to ask OpenAI itself without a key; other servers may need none.

        Raises:
            ValueError: Naming both ways out.
        """
        host = urlsplit(self.url).hostname or ''
        if self.key is None and (host == 'openai.com' or host.endswith('.openai.com')):
            raise ValueError(f'{host} wants a key and {KEY_VARIABLE} is not set; set that '
                             'variable, or give the --base-url of a server that needs none, such '
                             f'as {_LOCAL}')

    def hide_key(self, text: str) -> str:
        """What a server said, without the key should it repeat it."""
        if self.key in (None, PLACEHOLDER):
            return text
        if len(self.key) < _SHORTEST_KEY:
            return re.sub(rf'(?<!\w){re.escape(self.key)}(?!\w)', '[key]', text)
        return text.replace(self.key, '[key]')


def _check_url(url: str) -> None:
    # The address itself is not repeated: it may hold a password.
    wanted = f'expected an address such as {OPENAI_URL}, {_LOCAL}'
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ('http', 'https') and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f'the base URL can not be read; {wanted}') from error
    if '@' in url or parts.query or parts.fragment:
        raise ValueError('the base URL holds a user, a query or a fragment, which would be '
                         f'written down with it; put a key into {KEY_VARIABLE}; {wanted}')
    if not whole or not url.isprintable() or ' ' in url:
        raise ValueError(f'the base URL {url!r} is not one of a web server; {wanted}')
