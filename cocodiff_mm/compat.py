"""What the installed upstream packages need before a recipe runs.

Every entry names the upstream fault and when to delete it, looks whether the fault is there, and
leaves a healthy upstream alone.
"""

import difflib
import importlib
import pickle
import sys
import time
import warnings
from collections.abc import Callable
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace

import torch

PACKAGE = 'cocodiff_mm'
_APPLIED: list[str] = []
_LIBRARIES: list[torch.library.Library] = []  # ops vanish when their library is collected


def apply() -> None:
    """Apply every entry whose fault is present; a second call does nothing."""
    with warnings.catch_warnings():
        # mmcv-lite warns of operators that no skeleton recipe uses.
        warnings.filterwarnings('ignore', message='Fail to import', category=UserWarning)
        for name, entry in ENTRIES.items():
            if name not in _APPLIED and entry():
                _APPLIED.append(name)


def applied() -> tuple[str, ...]:
    """Names of the entries that were applied in this process."""
    return tuple(_APPLIED)


def missing_drn() -> bool:
    """The package ``mmaction.models.localizers.drn`` is missing, and so nothing is importable.

    Fault: mmaction2 1.2.0 on PyPI imports it but was packed without it. Delete when the smallest
    mmaction2 that we accept ships it.
    """
    name = 'mmaction.models.localizers.drn'
    folder = Path(find_spec('mmaction').origin).parent / 'models' / 'localizers' / 'drn'
    if folder.is_dir() or name in sys.modules:
        return False

    class DRN:
        def __init__(self, *args: object) -> None:
            raise ImportError('DRN is missing from the installed mmaction2; install mmaction2 '
                              'from its sources to use it')

    package, module = ModuleType(name), ModuleType(f'{name}.drn')
    package.__path__, package.drn, module.DRN = [], module, DRN
    sys.modules[name], sys.modules[module.__name__] = package, module
    return True


def transformers_import() -> bool:
    """Every process loads transformers where it is installed, also one that only tests.

    Fault: mmengine 0.10.7 imports it to register one optimizer, which costs a second and more. A
    function of that optimizer's name, which imports it when a recipe asks for it, is registered
    instead. Delete when mmengine looks optimizers up only when they are asked for.
    """
    builder, spec = 'mmengine.optim.optimizer.builder', find_spec('transformers')
    if spec is None or 'transformers' in sys.modules or builder in sys.modules:
        return False

    def adafactor(*args: object, **options: object) -> torch.optim.Optimizer:
        return importlib.import_module('transformers').Adafactor(*args, **options)

    stand_in = ModuleType('transformers')
    stand_in.Adafactor, stand_in.__spec__ = adafactor, spec
    sys.modules['transformers'] = stand_in
    try:
        module = importlib.import_module(builder)
    finally:
        del sys.modules['transformers']
    return module.OPTIMIZERS.get('Adafactor') is adafactor


def multimodal_models() -> bool:
    """MMAction2's multi-modal models do not import beside transformers 5, or without timm.

    Fault: mmaction2 1.2.0 takes any transformers >= 4.28 as a sign that they do, and one failing
    import takes all models with it. Without its flag it registers placeholders, as if transformers
    were not installed. Delete when mmaction2 follows transformers and declares timm.
    """
    spec = find_spec('transformers')
    if spec is None or spec.origin is None:
        return False
    text = (Path(spec.origin).parent / 'modeling_utils.py').read_text(encoding='utf-8')
    wanted = ('apply_chunking_to_forward', 'find_pruneable_heads_and_indices',
              'prune_linear_layer')
    timm = find_spec('timm')
    if all(name in text for name in wanted) and timm is not None and (
            Path(timm.origin).parent / 'models' / 'layers').is_dir():
        return False
    dependency = importlib.import_module('mmaction.utils.dependency')
    if not dependency.WITH_MULTIMODAL:
        return False
    dependency.WITH_MULTIMODAL = False
    return True


def torchvision_ops() -> bool:
    """A CUDA build of torchvision beside a CPU build of torch cannot be imported.

    Fault: without its compiled library torchvision still registers fake kernels for ``nms`` and
    ``qnms``, which then do not exist. It kills open_clip and, through MMEngine's ``collect_env``,
    every Runner. Declaring the two makes the import work; calling them stays impossible.
    Delete when torchvision guards these registrations as it guards the others.
    """
    if find_spec('torchvision') is None:
        return False
    try:
        importlib.import_module('torchvision')
        return False
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    library = torch.library.Library('torchvision', 'FRAGMENT')
    library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    library.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _LIBRARIES.append(library)
    return True


def weights_only() -> bool:
    """MMEngine refuses its own training checkpoints (resume, load_from, EMA), or runs any code.

    Fault: from torch 2.6 on ``torch.load`` takes tensors only unless told otherwise, and mmengine
    0.10.7 stores its log history in checkpoints. Before 2.6, and still for downloaded files, it
    runs whatever code a file holds. Our loader allows exactly what its checkpoints need. Delete
    when the smallest mmengine that we accept reads its own checkpoints, and no code.
    """
    from mmengine.logging import HistoryBuffer
    from mmengine.runner import checkpoint

    from cocodiff_mm.utils.checkpoint import load_checkpoint, load_from_url

    if _reads(checkpoint.load_from_local, HistoryBuffer([1.0], [1])) and not _reads(
            checkpoint.load_from_local, _Call()):
        return False

    # MMEngine's log names a backend after its function: these two keep their names.
    def load_from_local(filename: str, map_location: object = None) -> object:
        return load_checkpoint(filename, map_location)

    def load_from_http(filename: str, map_location: object = None) -> object:
        return load_from_url(filename, map_location)

    register = checkpoint.CheckpointLoader.register_scheme
    register('', load_from_local, force=True)
    register(['http://', 'https://'], load_from_http, force=True)
    checkpoint.load_from_http = load_from_http  # modelzoo://, open-mmlab:// and the like call it
    return True


class _Call:
    """Pickled as a call of a function, as malicious files are, but of a harmless one."""

    def __reduce__(self) -> tuple[Callable, tuple]:
        return time.monotonic, ()


def _reads(load: Callable, obj: object) -> bool:
    with TemporaryDirectory() as folder:
        torch.save(obj, f'{folder}/probe.pth')
        try:
            load(f'{folder}/probe.pth', 'cpu')
        except pickle.UnpicklingError:
            return False
    return True


def config_prefix() -> bool:
    """``_base_ = 'cocodiff_mm::ctrgcn_ntu120.py'`` is refused: the prefix is unknown.

    Fault: mmengine 0.10.7 keeps a fixed table of packages and wants a slash in the name. Ours are
    built in the scope of MMAction2, in whose registries they are. Delete when mmengine lets a
    package register its configs.
    """
    from mmengine.config import Config

    stock = Config._get_cfg_path

    @wraps(stock)
    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        package, separator, name = cfg_path.partition('::')
        if separator and package == PACKAGE:
            return str(packaged_config(name)), 'mmaction'
        return stock(cfg_path, filename)

    Config._get_cfg_path = staticmethod(get_cfg_path)
    return True


def packaged_config(name: str) -> Path:
    """Path of a config that comes with this package.

    Args:
        name (str): Path below ``configs/``, e.g. ``'_base_/cocodiff.py'``.

    Returns:
        Path: The file, of the installed package or of the checkout.

    Raises:
        FileNotFoundError: If there is none of that name; names alike are listed.
    """
    here = Path(__file__).parent
    folders = [folder for folder in (here / '.mim' / 'configs', here.parent / 'configs')
               if folder.is_dir()]
    if not folders:
        raise FileNotFoundError(f'the configs of {PACKAGE} are not installed; expected them in '
                                f'{here / ".mim" / "configs"}: reinstall the package with pip')
    path = folders[0] / name
    if path.is_file():
        return path
    names = sorted(file.relative_to(folders[0]).as_posix() for file in folders[0].rglob('*.py'))
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.5) or names
    raise FileNotFoundError(f'no config {PACKAGE}::{name} in {folders[0]}; '
                            f'there are: {", ".join(near)}')


def bf16_scores() -> bool:
    """MMAction2's heads call ``.numpy()`` on scores, which bfloat16 tensors do not have.

    Fault: under bfloat16 autocast ``BaseHead`` of mmaction2 1.2.0 fails at its top-k accuracy, and
    evaluators at its predictions. Such scores are cast to float32. Delete when mmaction2 casts.
    """
    from mmaction.models.heads import BaseHead

    sample = SimpleNamespace(gt_label=torch.zeros(1, dtype=torch.int64))
    head = SimpleNamespace(num_classes=2, topk=(1, ), label_smooth_eps=0,
                           loss_cls=lambda scores, labels: scores.sum())
    try:
        BaseHead.loss_by_feat(head, torch.zeros(2, 2, dtype=torch.bfloat16), [sample, sample])
        return False
    except TypeError as error:
        if 'BFloat16' not in str(error):
            raise
    for name in ('loss_by_feat', 'predict_by_feat'):
        setattr(BaseHead, name, _with_float_scores(getattr(BaseHead, name)))
    return True


def _with_float_scores(method: Callable) -> Callable:
    @wraps(method)
    def wrapper(self: object, cls_scores: torch.Tensor, data_samples: list) -> object:
        if cls_scores.dtype == torch.bfloat16:
            cls_scores = cls_scores.float()
        return method(self, cls_scores, data_samples)

    return wrapper


# In this order: the later entries import what the earlier ones make importable.
ENTRIES: dict[str, Callable[[], bool]] = {
    entry.__name__: entry for entry in (
        missing_drn, transformers_import, multimodal_models, torchvision_ops, weights_only,
        config_prefix, bf16_scores)
}
