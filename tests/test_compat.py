import importlib
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmaction.models.heads import BaseHead, GCNHead
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from cocodiff_mm import compat


def run_python(program: str, *paths: Path) -> str:
    """Output of a fresh process that finds modules in ``paths`` first."""
    lines = [f'import sys; sys.path[:0] = {[str(path) for path in paths]!r}',
             textwrap.dedent(program)]
    result = subprocess.run([sys.executable, '-c', '\n'.join(lines)], text=True,
                            capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def test_applied_names_entries_once_and_in_order():
    names = compat.applied()
    assert isinstance(names, tuple)
    assert [name for name in compat.ENTRIES if name in names] == list(names)
    compat.apply()
    assert compat.applied() == names
    assert 'config_prefix' in names
    assert not compat.transformers_import()  # too late: MMEngine's optimizers are there


def test_every_entry_says_what_is_wrong_and_when_to_delete_it():
    for name, entry in compat.ENTRIES.items():
        assert 'Fault: ' in entry.__doc__, name
        assert 'Delete when ' in ' '.join(entry.__doc__.split()), name


def test_import_is_quiet_and_loads_no_diffusion(repo_root):
    """What a process that only tests goes through."""
    unwanted = ('cocodiff_mm.models.diffusion', 'cocodiff_mm.text', 'safetensors', 'diffusers',
                'open_clip', 'transformers')
    found = run_python(f'''
        import warnings
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter('default')
            import cocodiff_mm
        print([name for name in sys.modules if name.startswith({unwanted!r})])
        print([str(one.message) for one in seen if 'Fail to import' in str(one.message)])
    ''', repo_root)
    assert found.splitlines() == ['[]', '[]']


# missing_drn

def fake_mmaction(tmp_path: Path, monkeypatch, with_drn: bool) -> None:
    package = write(tmp_path, {'mmaction/__init__.py': '',
                               'mmaction/models/localizers/__init__.py': ''}) / 'mmaction'
    if with_drn:
        (package / 'models/localizers/drn').mkdir()
    origin = str(package / '__init__.py')
    monkeypatch.setattr(compat, 'find_spec', lambda name: SimpleNamespace(origin=origin))
    for name in [name for name in sys.modules if name.startswith('mmaction.models.localizers.drn')]:
        monkeypatch.delitem(sys.modules, name)


def test_drn_stub_stands_in_for_a_missing_package_only(tmp_path, monkeypatch):
    fake_mmaction(tmp_path, monkeypatch, with_drn=False)
    try:
        assert compat.missing_drn()
        drn = sys.modules['mmaction.models.localizers.drn.drn'].DRN
        with pytest.raises(ImportError, match='DRN is missing from the installed mmaction2'):
            drn()
        assert not compat.missing_drn()
    finally:
        for name in ('mmaction.models.localizers.drn', 'mmaction.models.localizers.drn.drn'):
            sys.modules.pop(name, None)


def test_shipped_drn_is_left_alone(tmp_path, monkeypatch):
    fake_mmaction(tmp_path, monkeypatch, with_drn=True)
    assert not compat.missing_drn()
    assert 'mmaction.models.localizers.drn' not in sys.modules


# transformers_import

def test_transformers_wait_until_their_optimizer_is_built(repo_root):
    found = run_python('''
        import sys, torch, cocodiff_mm
        from mmengine.registry import OPTIMIZERS
        before, weights = 'transformers' in sys.modules, [torch.zeros(1, requires_grad=True)]
        print(before, type(OPTIMIZERS.build(dict(type='Adafactor', params=weights))).__module__)
    ''', repo_root)
    assert found.splitlines()[-1] == 'False transformers.optimization'


# multimodal_models

FUNCTIONS = 'apply_chunking_to_forward find_pruneable_heads_and_indices prune_linear_layer'


@pytest.mark.parametrize('functions, timm, fault', [
    (FUNCTIONS, 'models/layers', False),
    (FUNCTIONS.split(maxsplit=1)[1], 'models/layers', True),  # transformers 5
    (FUNCTIONS, 'layers', True),
    (FUNCTIONS, None, True),
])
def test_multimodal_is_switched_off_where_it_would_fail(
        tmp_path, monkeypatch, functions, timm, fault):
    from mmaction.utils import dependency
    write(tmp_path, {'transformers/modeling_utils.py': f'# {functions}'})
    if timm is not None:
        (tmp_path / 'timm' / timm).mkdir(parents=True)
    monkeypatch.setattr(compat, 'find_spec', lambda name: (
        SimpleNamespace(origin=str(tmp_path / name / '__init__.py'))
        if (tmp_path / name).is_dir() else None))
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    assert compat.multimodal_models() is fault
    assert dependency.WITH_MULTIMODAL is not fault


def test_multimodal_is_left_alone_without_transformers(monkeypatch):
    from mmaction.utils import dependency
    monkeypatch.setattr(compat, 'find_spec', lambda name: None)
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    assert not compat.multimodal_models()
    assert dependency.WITH_MULTIMODAL


# torchvision_ops

# As torchvision does: library missing, fake kernels registered all the same.
BROKEN_TORCHVISION = {'torchvision/__init__.py': '''
    from torchvision import extension, _meta_registrations
    __version__ = '0.28.0+cu130'
''', 'torchvision/extension.py': '', 'torchvision/_meta_registrations.py': '''
    import torch

    @torch.library.register_fake('torchvision::nms')
    def meta_nms(dets, scores, iou_threshold):
        return dets.new_empty(0, dtype=torch.long)

    @torch.library.register_fake('torchvision::qnms')
    def meta_qnms(dets, scores, iou_threshold):
        return dets.new_empty(0, dtype=torch.long)
'''}


def test_torchvision_without_its_library_becomes_importable(tmp_path, repo_root):
    found = run_python('''
        try:
            import torchvision
        except RuntimeError as error:
            print(error)
        from cocodiff_mm import compat
        import torchvision
        print('torchvision_ops' in compat.applied(), torchvision.__version__)
        from mmengine.utils.dl_utils import collect_env
        print(collect_env()['TorchVision'])
    ''', write(tmp_path, BROKEN_TORCHVISION), repo_root)
    assert found.splitlines() == ['operator torchvision::nms does not exist', 'True 0.28.0+cu130',
                                  '0.28.0+cu130']


def test_healthy_torchvision_is_left_alone(tmp_path, monkeypatch):
    write(tmp_path, {'torchvision/__init__.py': "__version__ = '0.28.0'"})
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        monkeypatch.delitem(sys.modules, name)
    assert not compat.torchvision_ops()
    assert sys.modules.pop('torchvision').__version__ == '0.28.0'


def test_torchvision_broken_otherwise_is_not_hidden(monkeypatch):
    def broken(name):
        raise RuntimeError('something else')

    monkeypatch.setattr(compat, 'find_spec', lambda name: object())
    monkeypatch.setattr(compat.importlib, 'import_module', broken)
    with pytest.raises(RuntimeError, match='something else'):
        compat.torchvision_ops()


# weights_only

def test_mmengine_reads_its_own_checkpoints(tmp_path):
    path = str(tmp_path / 'epoch_1.pth')
    torch.save(dict(message_hub=dict(loss=HistoryBuffer([1., 3.], [1, 1]))), path)
    loaded = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    assert loaded['message_hub']['loss'].mean() == 2.0


def test_mmengine_refuses_code_in_checkpoints(tmp_path):
    class Payload:
        def __reduce__(self):
            return importlib.import_module, ('this', )

    torch.save(Payload(), tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match='importlib.import_module'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'bad.pth'))


@pytest.mark.parametrize('history, code, healthy', [
    (True, False, True), (False, False, False), (True, True, False)])
def test_loader_is_replaced_unless_it_reads_history_and_refuses_code(
        monkeypatch, history, code, healthy):
    from mmengine.runner import checkpoint
    schemes = dict(CheckpointLoader._schemes)
    monkeypatch.setattr(CheckpointLoader, '_schemes', schemes)
    monkeypatch.setattr(checkpoint, 'load_from_http', object())
    monkeypatch.setattr(compat, '_reads', lambda load, obj: (
        history if isinstance(obj, HistoryBuffer) else code))
    assert compat.weights_only() is not healthy
    assert (CheckpointLoader._schemes is schemes) is healthy


# config_prefix

@pytest.mark.parametrize('name', ['ctrgcn_ntu120.py', '_base_/cocodiff.py'])
def test_prefix_finds_our_configs(name, repo_root):
    path, scope = Config._get_cfg_path(f'cocodiff_mm::{name}', 'anything.py')
    assert Path(path).resolve() == repo_root / 'configs' / name
    assert scope == 'mmaction'


def test_recipe_inherits_from_ours_and_from_mmaction(tmp_path):
    file = write(tmp_path, {'recipe.py': '''
        _base_ = [
            'mmaction::skeleton/stgcn/stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py',
            'cocodiff_mm::_base_/cocodiff.py',
        ]
        model = dict(type='CoCoDiffRecognizer', neck=_base_.cocodiff_neck)
        custom_hooks = _base_.cocodiff_hooks
    '''}) / 'recipe.py'
    cfg = Config.fromfile(file)
    assert cfg.custom_imports['imports'] == ['cocodiff_mm']
    assert cfg.model.type == 'CoCoDiffRecognizer' and cfg.model.backbone.type == 'STGCN'
    assert cfg.model.neck.type == 'LatentDiffusionNeck'
    assert cfg.model.neck._scope_ == cfg.custom_hooks[0]._scope_ == 'mmaction'


def test_unknown_config_lists_names_alike(tmp_path):
    file = write(tmp_path, {'recipe.py': "_base_ = 'cocodiff_mm::ctrgcn_ntu12.py'"}) / 'recipe.py'
    with pytest.raises(FileNotFoundError, match=r'cocodiff_mm::ctrgcn_ntu12\.py.*ctrgcn_ntu120'):
        Config.fromfile(file)


def test_other_prefixes_go_to_mmengine(tmp_path):
    file = write(tmp_path, {'recipe.py': "_base_ = 'nobody::a/b.py'"}) / 'recipe.py'
    with pytest.raises(AssertionError, match='does not support to load nobody'):
        Config.fromfile(file)


# bf16_scores

def head_and_samples() -> tuple[GCNHead, list[ActionDataSample]]:
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 0, 2)]
    return GCNHead(num_classes=4, in_channels=8, topk=(1, )), samples


def test_stock_head_takes_bfloat16_scores():
    head, samples = head_and_samples()
    scores = torch.randn(3, 4, dtype=torch.bfloat16)
    losses = head.loss_by_feat(scores, samples)
    expected = torch.nn.functional.cross_entropy(scores.float(), torch.tensor([1, 0, 2]))
    torch.testing.assert_close(losses['loss_cls'], expected)
    assert losses['loss_cls'].dtype == torch.float32
    for sample in head.predict_by_feat(scores, samples):
        assert sample.pred_score.dtype == torch.float32
        assert sample.pred_score.numpy().shape == (4, )


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_other_scores_pass_unchanged(dtype):
    head, samples = head_and_samples()
    head.average_clips = 'score'
    scores = torch.randn(3, 4, dtype=dtype)
    predicted = head.predict_by_feat(scores, samples)
    assert all(torch.equal(sample.pred_score, row)
               for sample, row in zip(predicted, scores, strict=True))


def test_healthy_head_is_left_alone():
    before = BaseHead.loss_by_feat
    assert not compat.bf16_scores()  # the patched class is as healthy as a repaired one
    assert BaseHead.loss_by_feat is before
