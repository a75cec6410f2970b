import pytest

from cocodiff_mm.text.generation.endpoint import OPENAI_URL, Endpoint


def from_environment(url=None, **environment):
    return Endpoint.from_environment(url, 'm', environment=environment)


def test_the_address_given_goes_before_that_of_the_environment():
    local = 'http://localhost:8000/v1'
    assert from_environment().url == OPENAI_URL
    assert from_environment(OPENAI_BASE_URL='').url == OPENAI_URL
    assert from_environment(OPENAI_BASE_URL=local).url == local
    assert from_environment('https://a.example/v1/', OPENAI_BASE_URL=local).url == \
        'https://a.example/v1'


def test_openai_wants_a_key_and_both_ways_out_are_named():
    for url in (None, 'https://eu.api.openai.com/v1'):
        with pytest.raises(ValueError, match='OPENAI_API_KEY is not set; .*--base-url.*Ollama.*v'):
            from_environment(url, OPENAI_API_KEY='  ').check_key()
    from_environment(OPENAI_API_KEY='sk-1').check_key()
    from_environment('http://localhost:8000/v1').check_key()
    from_environment('https://notopenai.com/v1').check_key()


@pytest.mark.parametrize('url', [
    'localhost:8000/v1', 'ftp://host/v1', 'http://', 'http://host:port/v1', 'http://[::1/v1',
    'http://host:0/v1', 'http://a host/v1', 'http://host/v1\n'])
def test_what_is_no_address(url):
    with pytest.raises(ValueError, match='the base URL .*; expected an address such as https'):
        from_environment(url)


@pytest.mark.parametrize('url', [
    'https://user:sk-secret@host/v1', 'https://host/v1?key=sk-secret', 'https://host/v1#sk-secret',
    'https://:sk-secret@:x/v1', 'sk-secret@host:8000'])
def test_a_key_in_the_address_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match='the base URL') as error:
        from_environment(url)
    assert 'secret' not in str(error.value)


def test_a_key_with_its_line_end_is_taken_without():
    assert from_environment(OPENAI_API_KEY=' sk-secret\r\n').key == 'sk-secret'
    for key in ('sk secret', 'sk-secr\u00e9t', 'sk-secret\nsk-other', '\u201csk-secret\u201d'):
        with pytest.raises(ValueError, match='OPENAI_API_KEY holds a space or a letter') as error:
            from_environment(OPENAI_API_KEY=key)
        assert 'secr' not in str(error.value)


def test_the_key_is_not_shown():
    endpoint = from_environment(OPENAI_API_KEY='sk-secret')
    assert 'secret' not in repr(endpoint)
    assert endpoint.hide_key('Bearer sk-secret, sk-secret') == 'Bearer [key], [key]'


def test_a_short_key_is_hidden_where_it_is_a_word():
    endpoint = from_environment(OPENAI_API_KEY='sk-1')
    assert endpoint.hide_key('Bearer sk-1, "sk-1"; ask-10') == 'Bearer [key], "[key]"; ask-10'
    assert from_environment(OPENAI_API_KEY='x').hide_key('{"text": "x"}') == '{"text": "[key]"}'
    # What is sent where there is no key may well be in a text.
    for nothing in ('none', ''):
        assert from_environment(OPENAI_API_KEY=nothing).hide_key('none of it') == 'none of it'
