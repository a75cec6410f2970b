from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from cocodiff_mm.utils.checkpoint import load_checkpoint, save_checkpoint_atomic
from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.weight_fit import check_finite_weights, first_names, misfit
from cocodiff_mm.utils.weight_origin import CONVERT, ORIGINS, WeightOrigin, recognise

from .authors_blockgcn import AuthorsBlockGCN
from .authors_ctrgcn import AuthorsCTRGCN
from .authors_hdgcn import AuthorsHDGCN
from .mmlab_ctrgcn import MMLabCTRGCN
from .pyskl_hosts import PysklHost
from .weight_source import CHANGES, Part, WeightSource

# Name for --from -> who reads it; what PYSKL's files are of is told by their keys.
SOURCES = ('ctrgcn', 'hdgcn', 'blockgcn', 'mmaction2', 'pyskl')
_READERS = dict(ctrgcn=AuthorsCTRGCN, hdgcn=AuthorsHDGCN, blockgcn=AuthorsBlockGCN,
                mmaction2=MMLabCTRGCN, pyskl=MMLabCTRGCN)
_ONE_PERSON = ('nwucla', 'utd_mhad')


@dataclass(frozen=True)
class Conversion:
    """Weights of ours, made of somebody else's.

    Args:
        state_dict (OrderedDict[str, Tensor]): The weights, for a recognizer of ``model``.
        meta (dict): Where they come from and which settings of the backbone they need.
        model (dict): Config of the recognizer.
        lines (list[str]): What was done, for people.
        config (str | None): Recipe that fits; None if no data set of the recipes does.
        options (list[str]): Its ``--cfg-options``.
    """

    state_dict: OrderedDict[str, Tensor]
    meta: dict[str, Any]
    model: dict[str, Any]
    lines: list[str]
    config: str | None
    options: list[str]


def convert_file(src: str | Path, source: str, out: str | Path,
                 overwrite: bool = False) -> Conversion:
    """Write a checkpoint for this package from one of somebody else.

    Args:
        src (str | Path): Their file.
        source (str): Who wrote it, one of ``SOURCES``.
        out (str | Path): The file to write.
        overwrite (bool): Whether a file at ``out`` may be replaced. Defaults to False.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If there is no file ``src``.
        ValueError: If ``out`` can't be written, or the file is broken or not one of such weights.
    """
    check_choice('--from', source, SOURCES)
    src, out = Path(src).expanduser(), Path(out).expanduser()
    _check_place(src, out, overwrite)
    conversion = convert_state(load_checkpoint(src), source, src, out)
    checkpoint = dict(meta=conversion.meta, state_dict=conversion.state_dict)
    try:
        save_checkpoint_atomic(checkpoint, out)
    except OSError as error:
        raise ValueError(f'{out} cannot be written: {error.strerror or error}') from error
    return conversion


def convert_state(checkpoint: Any, source: str, src: str | Path = 'the file',
                  out: str | Path = 'NEW.pth') -> Conversion:
    """Weights for a recognizer of this package, every tensor used and every tensor filled.

    Args:
        checkpoint: What the file holds: a dict of tensors, or one with a ``state_dict``.
        source (str): Who wrote it, one of ``SOURCES``.
        src (str | Path): The file, for messages. Defaults to ``'the file'``.
        out (str | Path): The file that will be written, likewise. Defaults to ``'NEW.pth'``.

    Returns:
        Conversion: The weights, and what was done.

    Raises:
        ValueError: If these are not such weights, naming the first keys and shapes and, where the
            weights are others that are known, the command for them.
    """
    state = _tensors(checkpoint, src)
    origin = _check_origin(state, source, src, out)
    check_finite_weights(state, src)
    reader = PysklHost if origin.host else _READERS[source]
    try:
        weights = reader(state)
    except ValueError as error:
        raise ValueError(f'{src} is {error}') from error
    model = _model_config(weights)
    try:
        # Not the recognizer around them: it would ask for MMEngine's default scope.
        target = nn.ModuleDict({name: MODELS.build(model[name])
                                for name in ('backbone', 'cls_head')}).state_dict()
    except ValueError as error:
        raise ValueError(f'{src} has shapes that suggest {weights.backbone}, but there is no such '
                         f'network: {error}') from error
    parts = {key: weights.part(key) for key in target}
    _check_strictly(weights, parts, target, f'{src} ({origin.words(state)})')
    converted = OrderedDict((key, _assemble(part, state, src)) for key, part in parts.items())
    config, options = origin.recipe(state) or (None, [])
    options += _options(weights, model, origin, options)
    meta = dict(converted_from=source, source_file=Path(src).name,
                backbone_settings=weights.settings)
    lines = _report(weights, parts, origin, src)
    return Conversion(converted, meta, model, lines, config, options)


def _check_place(src: Path, out: Path, overwrite: bool) -> None:
    if out.is_dir():
        raise ValueError(f'{out} cannot be written: it is a folder; add the name of a file')
    if out.exists() and src.exists() and out.samefile(src):
        raise ValueError(f'--out {out} is the file to convert itself; choose another name')
    if out.exists() and not overwrite:
        raise ValueError(f'{out} exists; choose another name, or replace it with --overwrite')


def _tensors(checkpoint: Any, src: str | Path) -> dict[str, Tensor]:
    """The weights in what a file holds, without the prefix of ``DataParallel``."""
    state = checkpoint
    if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get('state_dict'), Mapping):
        state = checkpoint['state_dict']
    if not isinstance(state, Mapping) or not state:
        raise ValueError(f'{src} holds no weights: expected a dict of tensors, or one under '
                         f'state_dict, got {type(state).__name__}')
    others = [f'{key} ({type(value).__name__})' for key, value in state.items()
              if not isinstance(value, Tensor) or not isinstance(key, str)]
    inner = [key for key, value in state.items() if _are_weights(value)]
    if inner and state is checkpoint:
        raise ValueError(f'{src} keeps its weights under {first_names(inner)}, expected them alone '
                         'or under state_dict; with load_checkpoint of '
                         'cocodiff_mm.utils.checkpoint save them alone, torch.save('
                         f"load_checkpoint({str(src)!r})[{inner[0]!r}], 'WEIGHTS.pt'), and convert "
                         'that file')
    if others:
        raise ValueError(f'{src} holds {len(others)} values that are no tensors: '
                         f'{first_names(others)}; expected weights alone, or a dict with '
                         'state_dict')
    if all(key.startswith('module.') for key in state):
        return {key.removeprefix('module.'): value for key, value in state.items()}
    return dict(state)


def _are_weights(value: Any) -> bool:
    return (isinstance(value, Mapping) and bool(value)
            and all(isinstance(tensor, Tensor) for tensor in value.values()))


def _check_origin(state: Mapping[str, Tensor], source: str, src: str | Path,
                  out: str | Path) -> WeightOrigin:
    origin = recognise(state)
    if origin is None:
        tells = ', '.join(sorted({one.tells for one in ORIGINS if one.source == source}))
        raise ValueError(f'{src} is not a checkpoint that --from {source} reads: none of its '
                         f'{len(state)} tensors is called {tells}; it has '
                         f'{first_names(list(state))}')
    if origin.source is None:
        raise ValueError(f'{src} needs no conversion. {_use(origin, state, src)}')
    if origin.source != source:
        raise ValueError(f'{src} looks like {origin.words(state)}, which --from {source} does not '
                         f'read; give {CONVERT} {src} --from {origin.source} --out {out}')
    return origin


def _use(origin: WeightOrigin, state: Mapping[str, Tensor], src: str | Path) -> str:
    """What to do with weights that load as they are."""
    words, recipe = f'These are weights of {origin.words(state)}', origin.recipe(state)
    if recipe is None:
        return f'{words}; test them with the recipe that they were trained with'
    config, options = recipe
    return (f'{words}; test them with python tools/test.py {config} {src} --cfg-options '
            f'{" ".join(options)}, and the settings that were changed for their training')


def _model_config(weights: WeightSource) -> dict[str, Any]:
    stages = weights.backbone
    channels = stages['base_channels'] * 2**len(stages['inflate_stages'])
    return dict(
        type='RecognizerGCN', backbone=weights.backbone,
        cls_head=dict(type='GCNHead', num_classes=weights.classes, in_channels=channels))


def _check_strictly(weights: WeightSource, parts: Mapping[str, Part],
                    target: Mapping[str, Tensor], what: str) -> None:
    """Refuse a file that has more, less or other tensors than the network it is of.

    Raises:
        ValueError: In the names that the file has.
    """
    wanted = {key: torch.empty(part.shape(target[ours].shape), device='meta')
              for ours, part in parts.items() for key in part.keys}
    for copy, key in weights.copies.items():
        if key in wanted:
            wanted[copy] = wanted[key]
    found = {key: value for key, value in weights.state.items() if key not in weights.left_out}
    problem = misfit(wanted, found)
    if problem is not None:
        kind = weights.backbone['type']
        raise ValueError(f'{what} is not the {kind} that its shapes suggest: {problem}. '
                         'Networks with other settings than the published ones can not be '
                         'converted; a file that was cut or edited has to be fetched again')
    differ = [copy for copy, key in weights.copies.items()
              if not torch.equal(weights.state[copy], weights.state[key])]
    if differ:
        raise ValueError(f'{what} holds the last layer of its hierarchy twice, but '
                         f'{len(differ)} tensors are not the same in both: {first_names(differ)}; '
                         'fetch it again')


def _assemble(part: Part, state: Mapping[str, Tensor], src: str | Path) -> Tensor:
    pieces = [CHANGES[part.change](state[key]) for key in part.keys]
    if pieces[0].dim():
        return torch.cat(pieces) if len(pieces) > 1 else pieces[0].clone()
    # Layers side by side have one counter of batches.
    if any(piece != pieces[0] for piece in pieces):
        raise ValueError(f'{src}: {first_names(list(part.keys))} are one number in this package, '
                         f'but are {sorted({piece.item() for piece in pieces})} there')
    return pieces[0].clone()


def _options(weights: WeightSource, model: Mapping[str, Any], origin: WeightOrigin,
             chosen: list[str]) -> list[str]:
    """Overrides that make a recipe on a data set the network that the weights are of."""
    overrides = {f'model.backbone.{name}': value for name, value in weights.overrides().items()}
    data = dict(option.split('=') for option in chosen).get('data')
    persons = weights.backbone.get('num_person')
    if data is None:
        overrides['model.cls_head.num_classes'] = weights.classes
        overrides['model.backbone.graph_cfg.layout'] = weights.backbone['graph_cfg']['layout']
    elif persons not in (None, 1 if data in _ONE_PERSON else 2):
        overrides['model.backbone.num_person'] = persons
    if model['cls_head']['in_channels'] != 256:
        overrides['model.cls_head.in_channels'] = model['cls_head']['in_channels']
    if weights.sampling != 'official' and not origin.host:
        overrides['sampling'] = weights.sampling
    return [f'{name}={value}'.replace(' ', '') for name, value in overrides.items()]


def _report(weights: WeightSource, parts: Mapping[str, Part], origin: WeightOrigin,
            src: str | Path) -> list[str]:
    backbone, state = weights.backbone, weights.state
    stages = [f'{backbone["num_stages"]} blocks from {backbone["base_channels"]} channels']
    stages += [f'{what} in {", ".join(map(str, backbone[name]))}' for name, what in (
        ('inflate_stages', 'doubled'), ('down_stages', 'frames halved')) if backbone[name]]
    persons = backbone.get('num_person')
    lines = [
        f'{src}: {len(state)} tensors of {origin.words(state)}',
        f'coordinates: {backbone["in_channels"]}; persons: {persons or "any number"}; '
        f'{", ".join(stages)}',
    ]
    kept = sum(part.keys[0] == key and not part.change for key, part in parts.items())
    lines.append(f'{kept} tensors keep their names, {len(parts) - kept} get others')
    for change, count in Counter(part.change for part in parts.values() if part.change).items():
        names = [part.keys[0] for part in parts.values() if part.change == change]
        lines.append(f'{count} are {change} ({first_names(names, 1)})')
    joined = [part for part in parts.values() if len(part.keys) > 1]
    if joined:
        lines.append(f'{sum(len(part.keys) for part in joined)} lie behind each other in '
                     f'{len(joined)}, as {joined[0].keys[0]} to {joined[0].keys[-1]}')
    if weights.copies:
        lines.append(f'{len(weights.copies)} are in the file twice and the same '
                     f'({first_names(list(weights.copies), 1)})')
    lines += [f'left out: {key} ({why})' for key, why in weights.left_out.items()]
    return lines + weights.notes
