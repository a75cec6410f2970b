import socket
from contextlib import closing

import pytest
from chat_server import MODEL, Answer, ChatServer, completion, failure, good, good_texts

from cocodiff_mm.text.generation.ask import ChatClient, EndpointError
from cocodiff_mm.text.generation.endpoint import Endpoint
from cocodiff_mm.text.generation.prompts import first_messages, load_prompts
from cocodiff_mm.text.generation.schema import SCHEMAS, read_answer

KEY = 'sk-secret-0123456789'
AT_ONCE = {'retry-after-ms': '1'}
MESSAGES = first_messages(load_prompts()['parts'], 'sit down', ['sit down', 'wave hand'])


def ask(url, key=KEY, timeout=10.0, retries=2, before=lambda: None):
    endpoint = Endpoint(url, 'writer', key, timeout, retries)
    with closing(ChatClient(endpoint, before)) as client:
        return client.ask('parts', MESSAGES)


def refused(behave, **options):
    """The sentence of an endpoint that behaves so, and how often it was asked."""
    with ChatServer(behave) as server, pytest.raises(EndpointError) as error:
        ask(server.url, **options)
    assert server.url in str(error.value)
    return str(error.value), len(server.asked)


def test_a_good_answer():
    with ChatServer() as server:
        reply = ask(server.url)
    assert read_answer('parts', reply.content) == good_texts('sit down', 'parts')
    assert (reply.refusal, reply.complete, reply.model) == (None, True, MODEL)
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 20)
    [asked] = server.asked
    assert asked.headers['authorization'] == f'Bearer {KEY}'
    assert asked.body == dict(
        model='writer', messages=MESSAGES, response_format=dict(
            type='json_schema',
            json_schema=dict(name='parts', strict=True, schema=SCHEMAS['parts'])))


def test_a_local_server_gets_no_key(monkeypatch):
    monkeypatch.setenv('OPENAI_API_KEY', KEY)  # only what the endpoint holds counts
    with ChatServer() as server:
        ask(server.url, key=None)
    assert server.asked[0].headers['authorization'] == 'Bearer none'


@pytest.mark.parametrize('status', [429, 500, 503])
def test_what_passes_is_asked_again_and_counts_as_a_request(status):
    started = []
    with ChatServer(lambda asked: good(asked) if asked.number == 3 else failure(
            status, 'busy', AT_ONCE)) as server:
        assert ask(server.url, before=lambda: started.append(1)).complete
    assert len(server.asked) == len(started) == 3


def test_what_does_not_pass():
    sentence, times = refused(lambda asked: failure(429, 'no quota left', AT_ONCE))
    assert 'still takes no more requests after 3 tries (HTTP 429: no quota left)' in sentence
    assert '--requests-per-minute' in sentence and times == 3
    sentence, times = refused(lambda asked: Answer('<html>bad\ngateway', 502), retries=0)
    assert 'still fails after one try (HTTP 502: <html>bad gateway)' in sentence and times == 1


def test_an_endpoint_that_hangs():
    sentence, times = refused(
        lambda asked: Answer({}, seconds=30), timeout=0.15, retries=1)
    assert 'did not answer within 0.15 s, 2 times in a row; ' in sentence and times == 2


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{taken.getsockname()[1]}/v1'
        with pytest.raises(EndpointError, match=f'{url} can not be reached .*refused.*base-url'):
            ask(url, retries=0)


@pytest.mark.parametrize('status', [401, 403, 404])
def test_the_key_is_not_repeated(status):
    said = f'Incorrect API key provided: {KEY}'
    sentence, times = refused(lambda asked: failure(status, said))
    assert KEY not in sentence and '\n' not in sentence and times == 1
    assert sentence.endswith({
        401: 'does not accept the key in OPENAI_API_KEY (HTTP 401); set it to a key of that '
             'server',
        403: '(HTTP 403: Incorrect API key provided: [key]); use another key or another --model',
        404: "does not know the model 'writer' or is not the right address (HTTP 404: Incorrect "
             'API key provided: [key]); check --model, and that --base-url ends as the server '
             'wants it, mostly in /v1'}[status])


@pytest.mark.parametrize('status', [400, 422])
def test_a_question_that_is_not_taken_is_about_that_question(status):
    with ChatServer(lambda asked: failure(status, f'odd prompt, {KEY}',
                                          code='invalid_prompt')) as server:
        reply = ask(server.url)
    assert reply.rejection == (
        f'{server.url} refuses the request (HTTP {status}: odd prompt, [key])')
    assert reply.refusal is None and len(server.asked) == 1


def test_a_server_that_wants_a_key():
    sentence, _ = refused(lambda asked: failure(401, 'no key'), key=None)
    assert 'wants a key (HTTP 401) and OPENAI_API_KEY is not set' in sentence


def test_a_key_in_an_answer_is_hidden():
    with ChatServer(lambda asked: Answer(completion(f'as {KEY} wishes', model=KEY))) as server:
        reply = ask(server.url)
    assert (reply.content, reply.model) == ('as [key] wishes', '[key]')


@pytest.mark.parametrize('payload', [
    '<html>welcome</html>', {}, [], 'null', dict(choices=[]), dict(choices=None),
    dict(choices='none'), dict(choices=[dict(index=0)])])
def test_no_chat_at_all(payload):
    sentence, _ = refused(lambda asked: Answer(payload))
    assert 'not in the chat protocol' in sentence and '/v1' in sentence


def test_broken_json_around_the_answer():
    sentence, _ = refused(lambda asked: Answer(
        '{"choices": [', headers={'Content-Type': 'application/json'}))
    assert 'not in the chat protocol' in sentence


@pytest.mark.parametrize('answer, refusal', [
    (Answer(completion(None, refusal='I would rather not.')), 'I would rather not.'),
    (Answer(completion('', finish='content_filter')), 'withheld by the content filter'),
    (failure(400, 'the prompt was filtered', code='content_filter'), 'the prompt was filtered')])
def test_refusals(answer, refusal):
    with ChatServer(lambda asked: answer) as server:
        assert refusal in ask(server.url).refusal


def test_an_answer_that_is_cut_off():
    with ChatServer(lambda asked: Answer(completion('{"head": "tu', finish='length'))) as server:
        reply = ask(server.url)
    assert not reply.complete and reply.content == '{"head": "tu' and reply.refusal is None


def test_a_server_without_token_counts_and_model_name():
    payload = completion('x')
    del payload['usage'], payload['model']
    with ChatServer(lambda asked: Answer(payload)) as server:
        reply = ask(server.url)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.model) == (0, 0, 'writer')


def no_schemas(asked, status=400):
    if asked.body['response_format']['type'] == 'json_schema':
        return failure(status, "'response_format.type' must be 'json_object'", AT_ONCE)
    return good(asked)


@pytest.mark.parametrize('status, times', [(400, 1), (422, 1), (500, 2)])
def test_a_server_without_json_schemas_is_asked_for_plain_json_from_then_on(status, times):
    with ChatServer(lambda asked: no_schemas(asked, status)) as server:
        endpoint = Endpoint(server.url, 'writer', retries=1)
        with closing(ChatClient(endpoint, lambda: None)) as client:
            assert not client.plain_json
            for _ in range(3):
                assert client.ask('parts', MESSAGES).content
            assert client.plain_json
    forms = [asked.body['response_format']['type'] for asked in server.asked]
    assert forms == ['json_schema'] * times + ['json_object'] * 3


def test_a_server_that_knows_neither_is_not_asked_for_ever():
    sentence, times = refused(lambda asked: failure(400, 'response_format is not supported'))
    assert 'refuses the request (HTTP 400: response_format' in sentence and times == 2


def test_half_a_character_does_not_get_further():
    payload = completion('x')
    payload['choices'][0]['message']['content'] = 'half \ud83d'
    with ChatServer(lambda asked: Answer(payload)) as server:
        assert ask(server.url).content == 'half ?'
