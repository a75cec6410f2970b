"""A Hugging Face hub on this machine that gives files, errors or no answer at all."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

PIECE = 1 << 15


class HubServer(ThreadingHTTPServer):
    """Gives ``files`` (``'org/name/file'`` -> content).

    ``mood`` is good, busy, silent, stuck (no file comes, though all else is answered), halting
    (half of a file comes) or slow (a piece of a file every 0.1 s).
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.mood, self.requests, self.closing = 'good', [], Event()

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_port}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        self.server.requests.append(self.path)
        if self.server.mood == 'silent':
            self.server.closing.wait()
            return
        content = self.server.files.get(self.path.strip('/').replace('/resolve/main', ''))
        if self.server.mood == 'busy':
            self._send(503, b'', {}, body)
        elif self.path == '/':
            self._send(200, b'a hub', {}, body)
        elif content is None:
            self._send(404, b'', {'X-Error-Code': 'EntryNotFound'}, body)
        else:
            etag = hashlib.sha256(content).hexdigest()
            self._send(200, content, {'ETag': f'"{etag}"', 'X-Repo-Commit': '1' * 40}, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, 'Content-Length': str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self._write(content)

    def _write(self, content: bytes) -> None:
        if self.path != '/' and self.server.mood == 'stuck':
            self.server.closing.wait()
        elif self.path != '/' and self.server.mood == 'halting':
            self.wfile.write(content[:len(content) // 2])
            self.server.closing.wait()
        elif self.server.mood == 'slow':
            for start in range(0, len(content), PIECE):
                self.wfile.write(content[start:start + PIECE])
                self.server.closing.wait(0.1)
        else:
            self.wfile.write(content)


@contextmanager
def hub_server(monkeypatch, cache) -> Iterator[HubServer]:
    """Make huggingface_hub use a server of this process and an empty cache."""
    from huggingface_hub import constants

    server = HubServer()
    monkeypatch.setattr(constants, 'ENDPOINT', server.url)
    monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE',
                        server.url + '/{repo_id}/resolve/{revision}/{filename}')
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(cache))
    Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
