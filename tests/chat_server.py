"""A real server that speaks as much of OpenAI's chat protocol as corpora are written through.

As a program it answers every question well: ``python tests/chat_server.py --port 8765``; then
``tools/text/generate.py LABELS.txt --out corpus.json --base-url http://127.0.0.1:8765/v1``.
"""

import argparse
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = 'tiny-writer-2026-01-01'
_KEYS = {'synonyms': 'coarse', 'descriptions': 'fine', 'head': 'parts', 'names': 'joints'}


@dataclass(frozen=True)
class Asked:
    """A request: the class and kind it is about, which try it is, and all that was sent."""

    label: str
    kind: str
    tries: int
    body: dict[str, Any]
    headers: dict[str, str]
    number: int


@dataclass
class Answer:
    """What goes back: a JSON value or raw text, after some seconds."""

    payload: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def good_texts(label: str, kind: str) -> dict[str, Any]:
    """An answer that keeps all rules, for any label."""
    if kind == 'coarse':
        return dict(synonyms=[f'{words} {label}' for words in (
            'performing', 'one round of', 'a short try at', 'someone busy with', 'the act of')])
    if kind == 'fine':
        return dict(descriptions=[
            f'To {label}, the person lifts the right arm in front of the chest, holds it for a '
            'moment and lowers it again.',
            f'Doing {label}: both elbows bend slowly, then straighten quickly, while the knees '
            'and the feet stay where they are.',
            f'For {label} the trunk leans forward a little, comes back upright, and the head '
            'follows the movement of the shoulders.'])
    if kind == 'parts':
        return dict(head='turned towards the right hand', hands='rise to chest height and sink',
                    arms='bend slowly and straighten quickly', torso='leans forward a little',
                    hips='level above the heels', legs='straight and at rest',
                    feet='side by side on the floor')
    return dict(
        names=['wrist', 'elbow'],
        global_text=f'Upright all the time, the body does {label} with the right side only and '
                    'then comes to rest.',
        local_text='The wrist rises past the elbow while the elbow bends, and both sink back '
                   'at the end.')


def completion(content: Any, finish: str = 'stop', refusal: str | None = None,
               model: str = MODEL) -> dict[str, Any]:
    """A chat completion around an answer, with 100 prompt and 20 completion tokens."""
    if content is not None and not isinstance(content, str):
        content = json.dumps(content)
    message = dict(role='assistant', content=content, refusal=refusal)
    return dict(
        id='chatcmpl-1', object='chat.completion', created=1700000000, model=model,
        choices=[dict(index=0, message=message, finish_reason=finish, logprobs=None)],
        usage=dict(prompt_tokens=100, completion_tokens=20, total_tokens=120))


def failure(status: int, message: str, headers: dict[str, str] | None = None,
            **more: str) -> Answer:
    """An error as OpenAI words it; without a header it is sent again only after half a second."""
    return Answer(dict(error=dict(message=message, type='error', **more)), status, headers or {})


def good(asked: Asked) -> Answer:
    """What a well-behaved server says."""
    return Answer(completion(good_texts(asked.label, asked.kind)))


class ChatServer:
    """Runs from construction to :meth:`close`, on a free port unless one is given.

    Args:
        behave (Callable): Gives the answer to a request; called by several threads.
        port (int): Port. Defaults to a free one.
    """

    def __init__(self, behave: Callable[[Asked], Answer] = good, port: int = 0) -> None:
        self.behave, self.asked = behave, []
        self.closing, self._lock = threading.Event(), threading.Lock()
        handler = type('Handler', (_Handler, ), dict(chat=self))
        self._server = _Server(('127.0.0.1', port), handler)
        self.url = f'http://127.0.0.1:{self._server.server_port}/v1'
        threading.Thread(target=self._server.serve_forever, args=(0.02, ), daemon=True).start()

    def __enter__(self) -> 'ChatServer':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the port; requests under way get no answer."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def note(self, body: dict[str, Any], headers: dict[str, str]) -> Asked:
        """Remember a request."""
        asked = [message['content'] for message in body['messages'] if message['role'] == 'user']
        label = re.search(r'has the label "(.*?)"\. ', asked[0]).group(1)
        key = re.search(r'of this form: \{"(\w+)"', asked[0]).group(1)
        with self._lock:
            self.asked.append(Asked(label, _KEYS[key], len(asked), body, headers,
                                    len(self.asked) + 1))
            return self.asked[-1]

    def wait_for(self, number: int, seconds: float = 20.0) -> None:
        """Until so many requests have come."""
        end = time.monotonic() + seconds
        while len(self.asked) < number:
            if time.monotonic() > end:
                raise TimeoutError(f'{len(self.asked)} of {number} requests have come')
            time.sleep(0.005)


class _Server(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not wait for its answer is none of our errors."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    chat: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if self.path != '/v1/chat/completions':
            self._send(failure(404, f'no such page: {self.path}'))
            return
        asked = self.chat.note(body, {key.lower(): value for key, value in self.headers.items()})
        answer = self.chat.behave(asked)
        if not self.chat.closing.wait(answer.seconds):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        raw = isinstance(answer.payload, str)
        data = (answer.payload if raw else json.dumps(answer.payload)).encode()
        self.send_response(answer.status)
        headers = {'Content-Type': 'text/html' if raw else 'application/json', **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, default=8765)
    parser.add_argument('--seconds', type=float, default=0.0, help='before each answer')
    args = parser.parse_args()

    def behave(asked: Asked) -> Answer:
        answer = good(asked)
        answer.seconds = args.seconds
        return answer

    server = ChatServer(behave, args.port)
    print(f'--base-url {server.url}', flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.close()


if __name__ == '__main__':
    main()
