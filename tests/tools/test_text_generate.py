"""The command line of corpus generation: sentences, exit codes, and what is left on the disk."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from chat_server import Answer, ChatServer, completion, failure, good
from tiny_recipe import ROOT

from cocodiff_mm.text.corpus import Corpus

TOOL = ROOT / 'tools' / 'text' / 'generate.py'
spec = importlib.util.spec_from_file_location('generate_tool', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

KEY = 'sk-secret-0123456789'
LABELS = ['sit down', 'wave hand', 'kick']
FAST = '--requests-per-minute', 10_000, '--retries', 0, '--timeout', 10


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a label list, and an environment with a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('OPENAI_API_KEY', KEY)
    monkeypatch.delenv('OPENAI_BASE_URL', raising=False)
    (tmp_path / 'mine.txt').write_text('\n'.join(LABELS) + '\n')
    return tmp_path


@pytest.fixture
def run(place, capsys):
    """Exit status, stdout and stderr of a command; the key is nowhere."""
    def call(*arguments):
        status = tool.main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        files = [path.read_text(errors='replace') for path in place.iterdir()]
        assert KEY not in ''.join([shown.out, shown.err, *files])
        return status, shown.out, shown.err
    return call


def to(server, *more):
    return 'mine.txt', '--out', 'c.json', '--base-url', server.url, *FAST, *more


def program(*arguments, **environment):
    """The command as a process that Ctrl-C reaches, whatever ours was started with."""
    command = [sys.executable, '-c', 'import os, signal, sys\n'
               'signal.signal(signal.SIGINT, signal.SIG_DFL)\n'
               'os.execv(sys.executable, [sys.executable, *sys.argv[1:]])',
               str(TOOL), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), **environment))


def test_ctrl_c_keeps_every_answer_and_the_rest_is_asked_for_later(place, run):
    """One real process with a real signal; its log is as talkative as the client can be."""
    def behave(asked):
        answer = good(asked)
        answer.seconds = 0.0 if asked.number <= 5 else 60.0
        return answer

    with ChatServer(behave) as server:
        process = program(*to(server, '--concurrency', 2), OPENAI_LOG='debug')
        server.wait_for(7, seconds=60)
        end = time.monotonic() + 20
        while (place / 'c.json.partial').read_bytes().count(b'\n') < 6:
            assert time.monotonic() < end
            time.sleep(0.005)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - started < 5
        assert process.returncode == 130 and 'Traceback' not in err
        assert err.splitlines()[-1] == (
            'interrupted; 5 of 12 answers are kept in c.json.partial, the same command asks only '
            'for the others')
        assert 'HTTP Response: POST 200' in err and 'together' in out
        kept = (place / 'c.json.partial').read_text()
        assert KEY not in out + err + kept and not (place / 'c.json').exists()
        asked_before = [(asked.label, asked.kind) for asked in server.asked[:5]]
        server.asked.clear()
        server.behave = good
        status, out, err = run(*to(server))
        assert status == 0 and '7 requests to' in out and '5 answers are there from before' in out
        assert len(server.asked) == 7
        assert not {(asked.label, asked.kind) for asked in server.asked} & set(asked_before)
        assert server.asked[0].headers['authorization'] == f'Bearer {KEY}'
    assert sorted(path.name for path in place.iterdir()) == ['c.json', 'mine.txt']
    corpus = Corpus.load('c.json')
    assert corpus.labels == LABELS and corpus.label_set == 'mine'
    assert 'unspecified' in corpus.provenance.licence
    assert f'c.json: 3 classes, written by tiny-writer-2026-01-01, sha256 {corpus.sha256}' in out
    assert '7 answers, 700 prompt tokens and 140 completion tokens' in out
    assert '12/12  eta: 0:00:00' in err


def test_names_and_licence_by_option(place, run):
    with ChatServer() as server:
        assert run(*to(server, '--label-set', 'gestures', '--licence', 'CC0', '--model',
                       'large'))[0] == 0
        assert server.asked[0].body['model'] == 'large'
        status, _, err = run(*to(server))
    assert status == 1 and err == ('error: c.json is there already; give another --out, or '
                                   'replace it with --overwrite\n')
    corpus = Corpus.load('c.json')
    assert (corpus.label_set, corpus.provenance.licence) == ('gestures', 'CC0')


def test_a_key_that_the_server_repeats(place, run):
    with ChatServer(lambda asked: failure(401, f'bad key {KEY}')) as server:
        status, _, err = run(*to(server))
        assert status == 1 and 'does not accept the key in OPENAI_API_KEY (HTTP 401)' in err
        server.behave = lambda asked: failure(400, f'bad key {KEY}')
        assert 'bad key [key]' in run(*to(server))[2]
        server.behave = lambda asked: Answer(completion(None, refusal=f'Your key {KEY} is bad.'))
        assert 'the model refuses: Your key [key] is bad.' in run(*to(server))[2]


def test_no_key(place, run, monkeypatch):
    monkeypatch.delenv('OPENAI_API_KEY')
    status, out, err = run('mine.txt', '--out', 'c.json')
    assert (status, out) == (1, '')
    assert err.startswith('error: api.openai.com wants a key and OPENAI_API_KEY is not set; set ')
    assert '--base-url' in err and 'Ollama' in err and len(err.splitlines()) == 1
    status, out, _ = run('mine.txt', '--out', 'c.json', '--dry-run')
    assert status == 0 and '12 requests to gpt' in out and 'together' in out
    with ChatServer() as server:
        monkeypatch.setenv('OPENAI_BASE_URL', server.url)
        assert run('mine.txt', '--out', 'c.json', *FAST)[0] == 0
    assert len(server.asked) == 12


def test_one_sentence_for_what_is_wrong(place, run):
    with ChatServer(lambda asked: Answer({}, seconds=30)) as server:
        status, _, err = run(*to(server), '--timeout', 0.2)
        assert status == 1 and f'error: {server.url} did not answer within 0.2 s; ' in err
    status, _, err = run(*to(server))  # nobody listens there any more
    assert status == 1 and f'error: {server.url} can not be reached' in err
    (place / 'latin.txt').write_bytes('größe\n'.encode('latin-1'))
    status, _, err = run('latin.txt', '--out', 'c.json')
    (place / 'latin.txt').unlink()
    assert status == 1 and 'UTF-8' in err and len(err.splitlines()) == 1
    (place / 'twice.txt').write_text('sit\nsit\n')
    status, _, err = run('twice.txt', '--out', 'c.json')
    assert status == 1 and "'sit'" in err and len(err.splitlines()) == 1
    status, _, err = run('none.txt', '--out', 'c.json')
    assert status == 1 and 'none.txt' in err and len(err.splitlines()) == 1
    assert sorted(path.name for path in place.iterdir()) == ['mine.txt', 'twice.txt']


def test_what_failed_is_listed(place, run):
    def behave(asked):
        if (asked.label, asked.kind) == ('kick', 'fine'):
            return Answer(completion(None, refusal='No kicks.'))
        return good(asked)

    with ChatServer(behave) as server:
        status, _, err = run(*to(server))
    assert status == 1 and err.splitlines()[-3:] == [
        'error: no usable answer to 1 of the 12 questions:',
        '  kick, fine: the model refuses: No kicks.',
        'No corpus is made yet; 11 of 12 answers are kept in c.json.partial, the same command '
        'asks only for the others; another --model may do what this one would not']


@pytest.mark.parametrize('arguments, said', [
    (['--out', 'c.json'], 'LABELS.txt is missing'),
    (['mine.txt'], '--out'),
    (['mine.txt', '--out', 'c.json', '--dry-run', '--review'], '--dry-run makes no corpus'),
    (['mine.txt', '--out', 'c.json', '--concurrency', '0'], "number from 1, got '0'"),
    (['mine.txt', '--out', 'c.json', '--timeout', 'nan'], "above 0 to 86400, got 'nan'"),
    (['mine.txt', '--out', 'c.json', '--timeout', 'soon'], "above 0 to 86400, got 'soon'")])
def test_options_that_do_not_go(place, capsys, arguments, said):
    with pytest.raises(SystemExit) as error:
        tool.main(arguments)
    assert error.value.code == 2 and said in capsys.readouterr().err


def test_a_review_needs_no_labels_and_no_server(place, run):
    with ChatServer() as server:
        assert run(*to(server))[0] == 0
    review = 'c.json', '--review', '--review-encoder', 'none'
    before = (place / 'c.json').read_bytes()
    assert run('--out', *review)[0] == 0
    entries = json.loads(before)
    del entries['sha256']  # as who mends texts by hand is told
    entries['classes'][0]['synonyms'][2] = 'to kick at once'
    (place / 'c.json').write_text(json.dumps(entries))
    status, out, err = run('--out', *review)
    assert status == 1 and "'to kick at once' names another class, 'kick'" in out
    assert err.splitlines()[-1] == ('error: c.json breaks one rule, listed above; mend the texts '
                                    'there')
    status, _, err = run('--out', 'none.json', '--review')
    assert status == 1 and 'none.json' in err and len(err.splitlines()) == 1


def test_ctrl_c_within_a_review(place, run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('cocodiff_mm.text.review.review', interrupted)
    with ChatServer() as server:
        status, _, err = run(*to(server, '--review', '--review-encoder', 'none'))
    assert status == 130 and Corpus.load('c.json').labels == LABELS
    assert err.splitlines()[-1] == 'interrupted during the review; c.json stays as it is'


def test_a_review_behind_a_run(place, run):
    with ChatServer() as server:
        status, out, _ = run(*to(server, '--review', '--review-encoder', 'none'))
    assert status == 0 and 'c.json: 3 classes' in out and (place / 'c.json').exists()
