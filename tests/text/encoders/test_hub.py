import os
import time
from pathlib import Path

import pytest
from hub_server import PIECE, hub_server
from huggingface_hub import constants, hf_hub_download

from cocodiff_mm.text.encoders import hub
from cocodiff_mm.text.encoders.hub import fetch, from_cache

FILE = 'someone/model/weights.txt'


@pytest.fixture
def server(monkeypatch, tmp_path):
    with hub_server(monkeypatch, tmp_path / 'cache') as running:
        running.files[FILE] = b'numbers'
        yield running


def get() -> Path:
    folder, name = os.path.split(FILE)
    return Path(hf_hub_download(folder, name))


def fetch_it() -> Path:
    return fetch('the weights are', get, 'fetch them elsewhere')


def test_a_file_is_downloaded_once_and_then_needs_no_network(server):
    assert fetch_it().read_bytes() == b'numbers'
    assert f'/{FILE}'.replace('/weights', '/resolve/main/weights') in server.requests
    server.requests.clear()
    server.files[FILE] = b'others'  # what the hub does later changes nothing
    assert fetch_it().read_bytes() == b'numbers'
    assert server.requests == []


@pytest.mark.parametrize('mood, reason, seconds', [
    ('silent', 'no answer within 1 s|timed out', 3), ('busy', 'it answers with status 503', 1)])
def test_a_hub_that_does_not_work_is_given_up_at_once(server, monkeypatch, mood, reason, seconds):
    monkeypatch.setattr(hub, 'SECONDS', 1.0)
    server.mood = mood
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match=reason) as error:
        fetch_it()
    assert time.monotonic() - start < seconds
    sentence = str(error.value)
    assert sentence.startswith(f'the weights are not in the cache {constants.HF_HUB_CACHE}, and '
                               f'{server.url} does not give it (')
    assert sentence.endswith('); fetch them elsewhere') and '\n' not in sentence


def test_the_default_wait_is_within_ten_seconds():
    assert hub.SECONDS < hub.FIRST_BYTE <= 6  # the libraries take some to import


@pytest.mark.parametrize('mood, size', [('stuck', 7), ('halting', 4 * PIECE)])
def test_a_download_that_hangs_is_given_up(server, monkeypatch, mood, size):
    """The front door of the hub answers, and so it does with the size of the file."""
    monkeypatch.setattr(hub, 'FIRST_BYTE', 1.0)
    monkeypatch.setattr(hub, 'NEXT_BYTE', 0.6)
    server.mood, server.files[FILE] = mood, bytes(size)
    waited = '1 s' if mood == 'stuck' else '0.6 s'
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match=f'but no bytes came for {waited}') as error:
        fetch_it()
    assert time.monotonic() - start < 4
    assert str(error.value).endswith('); fetch them elsewhere') and '\n' not in str(error.value)


def test_a_slow_download_is_not_given_up(server, monkeypatch):
    monkeypatch.setattr(hub, 'FIRST_BYTE', 1.0)
    monkeypatch.setattr(hub, 'NEXT_BYTE', 0.7)
    before = constants.DOWNLOAD_CHUNK_SIZE
    server.mood, server.files[FILE] = 'slow', os.urandom(20 * PIECE)
    start = time.monotonic()
    assert fetch_it().read_bytes() == server.files[FILE]
    assert time.monotonic() - start > 1.9
    assert constants.DOWNLOAD_CHUNK_SIZE == before


@pytest.mark.parametrize('address, reason', [
    ('http://127.0.0.1:9', 'refused'), ('http://hub.invalid', 'not known|resol|no answer')])
def test_an_address_where_nobody_is(monkeypatch, tmp_path, address, reason):
    monkeypatch.setattr(constants, 'ENDPOINT', address)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match=f'{address} does not give it .*({reason})'):
        fetch_it()
    assert time.monotonic() - start < hub.SECONDS + 1


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(hub, 'SECONDS', 0.2)
    monkeypatch.setattr(hub, '_ask', lambda: time.sleep(5))
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match='no answer within 0.2 s'):
        fetch_it()
    assert time.monotonic() - start < 2


def test_a_file_that_the_hub_lacks_is_a_sentence_too(server):
    server.files.clear()
    with pytest.raises(FileNotFoundError, match=r'does not give it \(404 Client Error'):
        fetch_it()


def test_other_errors_are_not_taken_for_a_missing_file(server):
    def broken() -> None:
        raise KeyError('a fault of the program')

    with pytest.raises(KeyError, match='a fault of the program'):
        fetch('it is', broken, 'do not')
    assert server.requests == []


def test_other_errors_of_a_download_come_through(server):
    def broken() -> None:
        if constants.HF_HUB_OFFLINE:
            raise OSError('not in the cache')
        raise KeyError('a fault of the program')

    with pytest.raises(KeyError, match='a fault of the program'):
        fetch('it is', broken, 'do not')


@pytest.mark.parametrize('before', [True, False])
def test_the_setting_of_the_user_comes_back(monkeypatch, before):
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', before)
    with pytest.raises(RuntimeError), from_cache():
        assert constants.HF_HUB_OFFLINE
        raise RuntimeError
    assert constants.HF_HUB_OFFLINE is before
