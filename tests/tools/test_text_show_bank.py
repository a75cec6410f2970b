import dataclasses
import importlib.util
import subprocess
import sys

import pytest
from angle_texts import angle_class, angle_corpus, bank_of
from PIL import Image
from tiny_recipe import ROOT

from cocodiff_mm.text.bank import SHIPPED

TOOL = ROOT / 'tools' / 'text' / 'show_bank.py'
REACH = angle_class('reach', [10, 10, 10], [10, 10, 10, 10, 95])
SWING = angle_class('swing', [90, 90, 60], [90, 90, 90, 90, 90])
KICK = angle_class('kick', [250, 250, 250], [250, 250, 30, 250, 250])
CORPUS = angle_corpus(REACH, SWING, KICK)


@pytest.fixture(scope='module')
def tool():
    """The program as a module, so that a test need not start it."""
    spec = importlib.util.spec_from_file_location('text_show_bank_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def show(tool, capsys):
    """Exit status, output, errors."""
    def run(*arguments):
        status = tool.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err
    return run


@pytest.fixture
def bank(tmp_path):
    bank_of(CORPUS).save(tmp_path / 'angles.safetensors')
    CORPUS.save(tmp_path / 'corpus.json')
    return tmp_path / 'angles.safetensors'


def test_numbers_texts_and_picture(show, bank):
    status, out, err = show(bank, '--corpus', bank.with_name('corpus.json'))
    assert (status, err) == (0, '')
    picture = bank.with_suffix('.png')
    assert out.splitlines() == [
        'Most similar classes by their names and by their descriptions, 3 of 3 pairs:',
        "  0.360  0.340  'reach at 10' and 'swing at 90'",
        '                95 degrees by reach, way 4',
        '                swing at 90',
        '                At 10 degrees the arm of reach is held, form 0.',
        '                At 60 degrees the arm of swing is held, form 2.',
        "  -0.537  -0.500  'reach at 10' and 'kick at 250'",
        '                reach at 10',
        '                30 degrees by kick, way 2',
        '                At 10 degrees the arm of reach is held, form 0.',
        '                At 250 degrees the arm of kick is held, form 0.',
        "  -0.980  -0.984  'swing at 90' and 'kick at 250'",
        '                swing at 90',
        '                30 degrees by kick, way 2',
        '                At 90 degrees the arm of swing is held, form 0.',
        '                At 250 degrees the arm of kick is held, form 0.',
        '',
        '2 texts nearer to another class than to the rest of its own, by how much:',
        "  1.734  'kick at 250': synonyms[2] -> 'reach at 10': descriptions[0] (-0.766 to its own, "
        '0.968 to the other)',
        '         30 degrees by kick, way 2',
        '         At 10 degrees the arm of reach is held, form 0.',
        "  0.898  'reach at 10': synonyms[4] -> 'swing at 90': descriptions[0] (0.087 to its own, "
        '0.985 to the other)',
        '         95 degrees by reach, way 4',
        '         At 90 degrees the arm of swing is held, form 0.',
        '',
        'angles, angles, 2 wide: 3 of 3 classes (100.0%) find their own descriptions by their '
        'names; of single texts, 16 of 18 names (88.9%) and 9 of 9 descriptions (100.0%)',
        f'Picture: {picture}']
    with Image.open(picture) as image:
        assert image.format == 'PNG' and image.width > 1000


def test_without_the_corpus_there_are_no_texts(show, bank, tmp_path):
    status, out, _ = show(bank, '--out', tmp_path / 'new' / 'here.png', '--pairs', 1)
    assert status == 0 and (tmp_path / 'new' / 'here.png').is_file()
    assert not bank.with_suffix('.png').exists()
    lines = out.splitlines()
    assert lines[0].endswith('1 of 3 pairs:') and 'degrees' not in out
    assert lines[4].startswith("  1.734  'kick at 250': synonyms[2]")
    assert lines[5] == '  ... and 1 more'


def test_some_classes(show, bank):
    corpus = bank.with_name('corpus.json')
    status, out, _ = show(bank, '--corpus', corpus, '--classes', 'kick at 250', 'reach at 10')
    assert status == 0 and "'kick at 250' and 'reach at 10'" in out and 'swing' not in out
    status, _, err = show(bank, '--classes', 'kick at 250', 'hop')
    assert status == 1 and err.startswith("error: ['hop'] not in the text bank")
    status, _, err = show(bank, '--classes', 'kick at 250')
    assert (status, err) == (
        1, 'error: a bank of 1 classes has no pairs to draw; expected 2 or more\n')


def test_another_corpus_is_refused(show, bank, tmp_path):
    other = angle_corpus(REACH, SWING)
    other.save(tmp_path / 'other.json')
    status, out, err = show(bank, '--corpus', tmp_path / 'other.json')
    assert (status, out) == (1, '')
    assert err == (f'error: {tmp_path / "other.json"}: its content has sha256 {other.sha256}, and '
                   f'the bank was made of a corpus of {CORPUS.sha256}; give that one, or encode '
                   'this one with tools/text/encode.py\n')
    dataclasses.replace(bank_of(CORPUS), metadata={}).save(bank)
    status, _, err = show(bank, '--corpus', tmp_path / 'corpus.json')
    assert status == 1 and 'does not say which corpus it was made of' in err
    assert show(bank)[0] == 0


def test_wrong_input_ends_in_a_sentence(show, bank, tmp_path):
    assert show('ntu121')[2].startswith("error: no text bank named 'ntu121'; shipped are ntu120")
    missing = tmp_path / 'no.safetensors'
    assert show(missing)[2].startswith(f'error: no text bank at {missing}')
    broken = tmp_path / 'broken.safetensors'
    broken.write_bytes(bank.read_bytes()[:-10])
    assert show(broken)[2].startswith(f'error: {broken}: truncated')
    assert show(bank, '--corpus', tmp_path / 'no.json')[2].startswith('error: no corpus file')
    status, _, err = show(bank, '--out', bank / 'below.png')
    assert status == 1 and 'cannot be written' in err and 'choose another --out' in err


@pytest.mark.parametrize('arguments, message', [
    (['--out', 'bank.jpg'], "expected the name of a .png file, got 'bank.jpg'"),
    (['--pairs', '0'], "expected a number from 1 to 100, got '0'"),
    (['--pairs', '101'], "expected a number from 1 to 100, got '101'")])
def test_wrong_options(tool, capsys, arguments, message):
    with pytest.raises(SystemExit):
        tool.parse_args(['ntu120', *arguments])
    assert message in capsys.readouterr().err


def test_corpora_and_pictures_of_shipped_banks(tool):
    for name in SHIPPED:
        assert tool._shipped_corpus(name).is_file(), name
    assert tool._shipped_corpus('ntu60').name == 'ntu120.json'
    assert tool._default_picture('sbu').as_posix() == 'work_dirs/text/sbu.png'


def test_program_shows_a_shipped_bank(tmp_path):
    done = subprocess.run([sys.executable, TOOL, 'sbu', '--pairs', '2'], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith('Picture: work_dirs/text/sbu.png\n')
    assert '2 of 28 pairs' in done.stdout
    assert (tmp_path / 'work_dirs' / 'text' / 'sbu.png').is_file()
