import json
import threading
from contextlib import closing
from datetime import datetime, timezone

import pytest
from chat_server import MODEL, Answer, ChatServer, completion, failure, good, good_texts

from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.text.generation.ask import ChatClient, EndpointError
from cocodiff_mm.text.generation.endpoint import Endpoint
from cocodiff_mm.text.generation.prompts import KINDS, load_prompts
from cocodiff_mm.text.generation.run import Commission, Incomplete, generate, plan

LABELS = ('sit down', 'wave hand', 'kick')
ALL = {(label, kind) for label in LABELS for kind in KINDS}
KEY = 'sk-secret-0123456789'


class Desk:
    """Commissions for one place, and what was said about them."""

    def __init__(self, folder):
        self.out, self.partial = folder / 'c.json', folder / 'c.json.partial'
        self.said = []

    def commission(self, url, model='writer', overwrite=False, labels=LABELS):
        endpoint = Endpoint(url, model, KEY, timeout=10, retries=0)
        return Commission(labels, self.out, endpoint, 'mine', 'CC0', overwrite)

    def run(self, server, concurrency=2, **options):
        commission = self.commission(server.url, **options)
        with closing(ChatClient(commission.endpoint, lambda: None)) as client:
            return generate(commission, client, concurrency, self.said.append)

    def refused(self, error, server, **options):
        with pytest.raises(error) as info:
            self.run(server, **options)
        assert not self.out.exists()
        return str(info.value)

    def kept(self):
        """What is in the partial file."""
        records = [json.loads(line) for line in self.partial.read_text().splitlines()[1:]]
        return {(record['label'], record['kind']) for record in records}


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def wrong_for(label, kind, *answers):
    """Behaviour that gives these answers to one question, then good ones."""
    def behave(asked):
        if (asked.label, asked.kind) != (label, kind) or asked.tries > len(answers):
            return good(asked)
        return answers[asked.tries - 1]
    return behave


def questions(server):
    return [(asked.label, asked.kind) for asked in server.asked]


def test_a_whole_run(desk):
    with ChatServer() as server:
        corpus = desk.run(server)
    assert sorted(questions(server)) == sorted(ALL)
    assert not desk.partial.exists() and Corpus.load(desk.out) == corpus
    assert [entry.label for entry in corpus.classes] == list(LABELS)
    assert corpus.classes[1].descriptions == tuple(
        good_texts('wave hand', 'fine')['descriptions'])
    assert (corpus.label_set, corpus.language) == ('mine', 'en')
    provenance = corpus.provenance
    assert (provenance.writer, provenance.licence) == (MODEL, 'CC0')
    assert provenance.date == datetime.now(timezone.utc).date().isoformat()
    assert provenance.prompts == load_prompts()
    assert desk.said[0].startswith(
        f'3 classes of mine: 12 requests to writer at {server.url}\n')
    assert desk.said[1:] == [
        '12 answers, 1,200 prompt tokens and 240 completion tokens as told by the server']
    assert KEY not in desk.out.read_text() + ''.join(desk.said)


def test_what_can_not_be_used_is_asked_for_again_with_the_reasons(desk):
    few = dict(synonyms=['taking a seat'])
    behave = wrong_for('sit down', 'coarse', Answer(completion('{"synonyms": [')),
                       Answer(completion(few)))
    with ChatServer(behave) as server:
        desk.run(server)
    asked = [asked for asked in server.asked if (asked.label, asked.kind) == (
        'sit down', 'coarse')]
    assert len(asked) == 3 and len(server.asked) == 14
    system, user, first, why, second, again = asked[2].body['messages']
    assert [system, user] == asked[0].body['messages']
    assert first == dict(role='assistant', content='{"synonyms": [')
    assert '- not valid JSON at line 1' in why['content']
    assert second['content'] == json.dumps(few) and '5' in again['content']
    assert desk.said[-1].startswith('14 answers, 1,400 prompt tokens and 280 completion')


def test_a_text_that_another_class_has_is_asked_for_again(desk):
    def behave(asked):
        texts = good_texts(asked.label, asked.kind)
        if asked.kind == 'fine' and asked.tries == 1:
            texts['descriptions'][0] = ('The person moves about on the spot and lets both arms '
                                        'hang loosely at the sides.')
        return Answer(completion(texts))

    with ChatServer(behave) as server:
        desk.run(server, concurrency=1)
    again = [asked for asked in server.asked if asked.tries == 2]
    assert [(asked.label, asked.kind) for asked in again] == [
        ('wave hand', 'fine'), ('kick', 'fine')]
    assert "is a text of the class 'sit down' already" in again[0].body['messages'][-1]['content']


def test_failures_are_listed_the_rest_is_kept_and_not_asked_for_again(desk):
    bad = [Answer(completion('no')), Answer(completion([])), Answer(completion(None))]
    wrong = {('sit down', 'fine'): bad, ('kick', 'parts'): [Answer(completion(
        None, refusal='I do not\nwrite about kicks.'))], ('kick', 'joints'): [Answer(completion(
            '{"names": ["kn', finish='length'))]}

    def behave(asked):
        answers = wrong.get((asked.label, asked.kind))
        return answers[asked.tries - 1] if answers else good(asked)

    with ChatServer(behave) as server:
        sentence = desk.refused(Incomplete, server)
        head, *listed, end = sentence.split('\n')
        assert head == 'no usable answer to 3 of the 12 questions:'
        assert listed == [
            '  sit down, fine: 3 answers can not be used, the last because the answer is empty',
            '  kick, parts: the model refuses: I do not write about kicks.',
            '  kick, joints: the answer is cut off at the limit of tokens; let the server allow '
            'more, or take another model']
        assert end == (f'No corpus is made yet; 9 of 12 answers are kept in {desk.partial}, the '
                       'same command asks only for the others; another --model may do what this '
                       'one would not')
        assert desk.kept() == ALL - set(wrong)
        server.asked.clear()
        missing = set(wrong)
        wrong.clear()
        assert ', 9 answers are there from before\n' in plan(desk.commission(server.url))
        corpus = desk.run(server)
    assert set(questions(server)) == missing and len(server.asked) == 3
    assert len(corpus.classes) == 3 and not desk.partial.exists()


@pytest.mark.parametrize('answer, said', [
    (failure(401, f'wrong key {KEY}'), 'does not accept the key'),
    (failure(404, 'no such model'), "does not know the model 'writer'"),
    (failure(500, 'out of memory'), 'still fails after one try')])
def test_an_endpoint_that_gives_up_stops_the_run_at_once(desk, answer, said):
    with ChatServer(lambda asked: good(asked) if asked.number <= 5 else answer) as server:
        sentence = desk.refused(EndpointError, server, concurrency=1)
        assert said in sentence and KEY not in sentence + desk.partial.read_text()
        assert sentence.endswith(f'; 5 of 12 answers are kept in {desk.partial}, the same command '
                                 'asks only for the others')
        assert len(server.asked) == 6
        server.behave = good
        desk.run(server)
    assert len(server.asked) == 6 + 7


def test_nothing_is_left_of_a_run_without_an_answer(desk):
    with ChatServer(lambda asked: failure(404, 'no such model')) as server:
        sentence = desk.refused(EndpointError, server)
        assert sentence.endswith('; none of the 12 answers had come yet')
        assert not desk.partial.exists() and len(desk.said) == 1
        server.behave = good
        desk.run(server, model='another')


def test_another_model_takes_up_what_the_first_would_not(desk):
    with ChatServer(wrong_for('kick', 'fine', *[Answer(completion(''))] * 3)) as server:
        desk.refused(Incomplete, server)
        assert 'other labels' in desk.refused(ValueError, server, labels=LABELS[:2])
        assert desk.kept() == ALL - {('kick', 'fine')}
        server.asked.clear()
        server.behave = lambda asked: Answer(completion(
            good_texts(asked.label, asked.kind), model='bolder'))
        corpus = desk.run(server, model='bolder')
    assert questions(server) == [('kick', 'fine')]
    assert corpus.provenance.writer == f'bolder, {MODEL}'


INVALID = failure(400, 'Invalid prompt', code='invalid_prompt')


@pytest.mark.parametrize('label', LABELS[::2])
def test_a_class_that_the_server_does_not_take_does_not_stop_the_run(desk, label):
    with ChatServer(lambda asked: INVALID if asked.label == label else good(asked)) as server:
        sentence = desk.refused(Incomplete, server, concurrency=1)
        assert len(server.asked) == 12 and desk.kept() == {
            question for question in ALL if question[0] != label}
        assert (f'  {label}, parts: {server.url} refuses the request (HTTP 400: Invalid '
                'prompt)\n') in sentence


def test_nothing_but_rejections_stops_the_run_unless_there_are_answers(desk):
    with ChatServer(lambda asked: INVALID) as server:
        sentence = desk.refused(EndpointError, server, concurrency=1)
        # One more may be under way when it stops.
        assert len(server.asked) in (9, 10) and not desk.partial.exists()
        assert sentence.endswith(
            'refuses the request (HTTP 400: Invalid prompt); so it did with each question about '
            'the first 3 classes, so check --model and --base-url; none of the 12 texts could be '
            'kept')
        server.behave = lambda asked: good(asked) if asked.kind == 'fine' else INVALID
        desk.refused(Incomplete, server)
        server.asked.clear()
        server.behave = lambda asked: good(asked) if asked.label == 'kick' else INVALID
        assert '6 of the 12 questions' in desk.refused(Incomplete, server, concurrency=1)
    assert len(server.asked) == 9


def test_none_of_the_answers_is_of_use(desk):
    with ChatServer(lambda asked: Answer(completion('no'))) as server:
        sentence = desk.refused(Incomplete, server)
    assert len(server.asked) == 36
    assert sentence.endswith('\nNo corpus is made yet; none of the 12 texts could be kept; another '
                             '--model may do what this one would not')


def test_a_corpus_is_replaced_only_when_told(desk):
    with ChatServer() as server:
        desk.run(server)
        before = desk.out.read_bytes()
        with pytest.raises(ValueError, match='is there already; .* replace it with --overwrite'):
            desk.run(server)
        assert len(server.asked) == 12
        server.behave = lambda asked: failure(500, 'down')
        with pytest.raises(EndpointError):
            desk.run(server, overwrite=True)
        assert desk.out.read_bytes() == before
        server.behave = lambda asked: Answer(completion(
            good_texts(asked.label, asked.kind), model='better'))
        assert desk.run(server, overwrite=True).provenance.writer == 'better'
    assert Corpus.load(desk.out).provenance.writer == 'better'


def test_a_folder_is_no_place_for_a_corpus(desk):
    desk.out.mkdir()
    with ChatServer() as server, pytest.raises(ValueError, match='is a folder; give the name'):
        desk.run(server)
    assert server.asked == []


def test_as_many_requests_at_a_time_as_said(desk):
    together, most, lock = 0, [], threading.Lock()

    def behave(asked):
        nonlocal together
        with lock:
            together += 1
            most.append(together)
        threading.Event().wait(0.03)
        with lock:
            together -= 1
        return good(asked)

    with ChatServer(behave) as server:
        desk.run(server, concurrency=3)
    assert max(most) == 3


def test_a_server_without_json_schemas_is_told_about(desk):
    def behave(asked):
        if asked.body['response_format']['type'] == 'json_schema':
            return failure(400, 'json_schema: unknown response_format')
        return good(asked)

    with ChatServer(behave) as server:
        desk.run(server)
    assert 'the server knows no JSON schemas' in desk.said[-1]
    assert 12 < len(server.asked) <= 14


def test_a_plan_asks_and_writes_nothing(desk):
    text = plan(desk.commission('http://127.0.0.1:9/v1'))
    assert text.startswith('3 classes of mine: 12 requests to writer at http://127.0.0.1:9/v1\n')
    assert text.splitlines()[6].split()[:2] == ['together', '12']
    assert list(desk.out.parent.iterdir()) == []
