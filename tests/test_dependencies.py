import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cocodiff_mm import dependencies
from cocodiff_mm.dependencies import check_dependencies, parse_version


@pytest.fixture
def environment(monkeypatch):
    """Pretends that modules are absent (None) or have another version."""

    def pretend(**versions):
        find_spec, import_module = dependencies.find_spec, importlib.import_module
        monkeypatch.setattr(dependencies, 'find_spec', lambda name: (
            None if name in versions and versions[name] is None else find_spec(name)))
        monkeypatch.setattr(dependencies.importlib, 'import_module', lambda name: (
            SimpleNamespace(__version__=versions[name]) if name in versions
            else import_module(name)))

    return pretend


def test_this_environment_is_accepted():
    check_dependencies()


@pytest.mark.parametrize('module, package', [
    ('mmengine', 'mmengine'), ('mmcv', 'mmcv'), ('mmaction', 'mmaction2')])
def test_absent_package_is_named_with_both_ways_to_get_it(environment, module, package):
    environment(**{module: None})
    with pytest.raises(ImportError) as error:
        check_dependencies()
    message = str(error.value)
    assert message.startswith(f'cocodiff_mm needs {package} (found none): run ')
    assert "`pip install 'cocodiff_mm[mm]'`" in message
    assert '`pip install mmaction2 mmengine importlib_metadata`' in message
    assert '\n' not in message


@pytest.mark.parametrize('module, found, allowed, command', [
    ('mmcv', '2.2.0', '>= 2.0, < 2.2', "pip install 'mmcv-lite==2.1.0'"),
    ('mmcv', '1.7.2', '>= 2.0, < 2.2', "pip install 'mmcv-lite==2.1.0'"),
    ('mmengine', '0.7.4', '>= 0.8, < 1.0', "pip install 'mmengine>=0.10.7,<1'"),
    ('mmengine', '1.0.0rc1', '>= 0.8, < 1.0', "pip install 'mmengine>=0.10.7,<1'"),
    ('mmaction', '0.24.1', '>= 1.0, < 2.0', "pip install 'mmaction2==1.2.0'"),
    ('mmaction', '2.0.0', '>= 1.0, < 2.0', "pip install 'mmaction2==1.2.0'"),
])
def test_version_known_not_to_work_is_refused(environment, module, found, allowed, command):
    environment(**{module: found})
    with pytest.raises(ImportError) as error:
        check_dependencies()
    assert f'(found {found})' in str(error.value)
    assert allowed in str(error.value)
    assert command in str(error.value)


@pytest.mark.parametrize('module, found', [
    ('mmcv', '2.0.0rc4'), ('mmcv', '2.1.0'), ('mmengine', '0.8.0'), ('mmaction', '1.0.0')])
def test_version_at_the_edge_is_accepted(environment, module, found):
    environment(**{module: found})
    check_dependencies()


@pytest.mark.parametrize('module, message', [
    ('pkg_resources', r"pkg_resources, .* setuptools 82 .*`pip install 'setuptools>=77,<82'`"),
    ('importlib_metadata', 'importlib_metadata, .*`pip install importlib_metadata`')])
def test_absent_undeclared_dependency_is_named(environment, module, message):
    environment(**{module: None})
    with pytest.raises(ImportError, match=message):
        check_dependencies()


def test_setuptools_does_not_matter_once_mmengine_does_without(environment, monkeypatch):
    environment(pkg_resources=None)
    monkeypatch.setattr(dependencies, '_mentions', lambda package, word: False)
    check_dependencies()


def test_package_that_cannot_be_imported_gives_the_cause(monkeypatch):
    def broken(name):
        raise ImportError('libGL.so.1: cannot open shared object file')

    monkeypatch.setattr(dependencies.importlib, 'import_module', broken)
    with pytest.raises(ImportError, match=r'mmengine, which is installed but .*libGL\.so\.1'):
        check_dependencies()


def test_import_without_mmaction2_is_one_sentence(repo_root: Path):
    """As a user sees it: a process in which mmaction2 cannot be found."""
    program = ('import sys\n'
               'class Hide:\n'
               '    @staticmethod\n'
               '    def find_spec(name, path=None, target=None):\n'
               "        if name.split('.')[0] in ('mmaction', 'mmcv', 'mmengine'):\n"
               '            raise ModuleNotFoundError(name=name)\n'
               'import importlib.util as util\n'
               'find = util.find_spec\n'
               "hidden = ('mmaction', 'mmcv', 'mmengine')\n"
               'util.find_spec = lambda name: None if name in hidden else find(name)\n'
               'sys.meta_path.insert(0, Hide)\n'
               'import cocodiff_mm\n')
    result = subprocess.run([sys.executable, '-c', program], cwd=repo_root, text=True,
                            capture_output=True, check=False)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('ImportError: cocodiff_mm needs mmengine (found none): run `pip')
    assert 'The above exception' not in result.stderr


@pytest.mark.parametrize('text, expected', [
    ('2.13.0+cpu', (2, 13)), ('0.10.7', (0, 10)), ('2.0.0rc4', (2, 0)), ('2.2', (2, 2))])
def test_parse_version(text, expected):
    assert parse_version(text) == expected


def test_parse_version_refuses_what_is_none():
    with pytest.raises(ValueError, match="'unknown'"):
        parse_version('unknown')
