"""Whose network weights are of, from their names alone, and which command fits them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONVERT = 'python tools/convert_checkpoint.py'
# Joints and classes -> value of the variable `data` of the recipes.
DATA_SETS = {(25, 60): 'ntu60', (25, 120): 'ntu120', (18, 400): 'kinetics', (20, 10): 'nwucla',
             (15, 8): 'sbu', (20, 27): 'utd_mhad'}
_HEAD, _PYSKL_HEAD, _AUTHORS_HEAD = 'cls_head.fc.weight', 'cls_head.fc_cls.weight', 'fc.weight'


@dataclass(frozen=True)
class WeightOrigin:
    """Whose network weights are of.

    Args:
        source (str | None): Name of the source for ``tools/convert_checkpoint.py --from``; None
            for weights that load as they are.
        owner (str): Who names weights like this, in words.
        network (str): Registered name of the backbone.
        tells (str): Name of the tensor that such weights are known by.
        joints_of (str): Name of the tensor whose last dimension is the number of joints.
        classes_of (str): Name of the classifier's weights.
        host (str): Value of the variable ``backbone`` of ``configs/mmaction.py``, for networks
            of MMAction2. Defaults to ``''``.
    """

    source: str | None
    owner: str
    network: str
    tells: str
    joints_of: str
    classes_of: str
    host: str = ''

    def words(self, state: Mapping[str, Any]) -> str:
        """Network, owner, classes and joints of weights."""
        classes, joints = self.numbers(state)
        return f'{self.network} of {self.owner} ({classes} classes, {joints} joints)'

    def numbers(self, state: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """Classes and joints, None for what the weights do not have."""
        classes, joints = (getattr(state.get(key), 'shape', ())
                           for key in (self.classes_of, self.joints_of))
        return classes[0] if len(classes) else None, joints[-1] if len(joints) else None

    def recipe(self, state: Mapping[str, Any]) -> tuple[str, list[str]] | None:
        """Config file and ``--cfg-options`` for weights; None if no data set has such classes."""
        classes, joints = self.numbers(state)
        data = DATA_SETS.get((joints, classes))
        if self.host:
            options = [f'backbone={self.host}', f'data={data}']
            return ('configs/mmaction.py', options) if data in ('ntu60', 'ntu120') else None
        return None if data is None else (f'configs/{self.network.lower()}.py', [f'data={data}'])


_GRAPH, _AUTHORS_PA, _OWN_PA = 'backbone.net.0.gcn1.A', 'l1.gcn1.PA', 'backbone.net.0.gcn1.PA'
_HOST_GRAPH = 'backbone.gcn.0.gcn.A'
# Networks of MMAction2 that PYSKL names likewise: backbone, what tells, variable of the recipe.
_HOSTS = (('AAGCN', 'backbone.gcn.0.gcn.conv_a.0.weight', '2s-agcn'),
          ('STGCN', 'backbone.gcn.0.tcn.branches.0.0.weight', 'stgcnpp'),
          ('STGCN', 'backbone.gcn.0.tcn.conv.weight', 'stgcn'))
# The first that fits counts.
ORIGINS = (
    WeightOrigin('ctrgcn', 'its authors', 'CTRGCN', 'l1.gcn1.convs.0.conv3.weight', _AUTHORS_PA,
                 _AUTHORS_HEAD),
    WeightOrigin('hdgcn', 'its authors', 'HDGCN', 'l1.gcn1.conv_down.0.0.weight', _AUTHORS_PA,
                 _AUTHORS_HEAD),
    WeightOrigin('blockgcn', 'its authors', 'BlockGCN', 'to_joint_embedding.weight', 'l1.gcn1.fc1',
                 _AUTHORS_HEAD),
    WeightOrigin('mmaction2', 'MMAction2', 'CTRGCN', _GRAPH, _GRAPH, _HEAD),
    WeightOrigin('pyskl', 'PYSKL', 'CTRGCN', _GRAPH, _GRAPH, _PYSKL_HEAD),
    *(WeightOrigin(source, owner, network, tells, _HOST_GRAPH, head, host)
      for source, owner, head in (('pyskl', 'PYSKL', _PYSKL_HEAD), (None, 'MMAction2', _HEAD))
      for network, tells, host in _HOSTS),
    *(WeightOrigin(None, 'this package', network, tells, joints, _HEAD)
      for network, tells, joints in (
          ('BlockGCN', 'backbone.to_joint_embedding.weight', 'backbone.net.0.gcn1.fc1'),
          ('HDGCN', 'backbone.net.0.gcn1.edge_conv.conv.0.weight', _OWN_PA),
          ('CTRGCN', _OWN_PA, _OWN_PA))),
)


def recognise(state: Mapping[str, Any]) -> WeightOrigin | None:
    """Whose network weights are of, None if of none that is known.

    Args:
        state (Mapping[str, Tensor]): The weights.
    """
    for origin in ORIGINS:
        heads = {_HEAD, _PYSKL_HEAD} - {origin.classes_of}
        if origin.tells in state and not heads & set(state):
            return origin
    return None


def advice(state: Mapping[str, Any], source: object) -> str:
    """What to do with weights that do not fit the model that they were meant for.

    Args:
        state (Mapping[str, Tensor]): The weights.
        source: Where they come from.

    Returns:
        str: A sentence.
    """
    origin = recognise(state)
    if origin is None:
        return 'Take the recipe that the weights were trained with, or weights of this recipe'
    words = origin.words(state)
    if origin.source is not None:
        return (f'These are weights of {words}; make them fit with {CONVERT} {source} --from '
                f'{origin.source} --out NEW.pth')
    recipe = origin.recipe(state)
    if recipe is None:
        return (f'These are weights of {words}; take the recipe that they were trained with, or '
                'weights of this recipe')
    config, options = recipe
    return (f'These are weights of {words}; take the recipe that they were trained with, as '
            f'{config} with --cfg-options {" ".join(options)} if its settings were not changed, '
            'or weights of this recipe')


def check_settings(backbone: Mapping[str, Any], checkpoint: Mapping[str, Any],
                   source: object) -> None:
    """Refuse a backbone that computes something else with converted weights than their owner's.

    Settings that no shape tells, such as a ReLU more, are in the ``meta`` of converted checkpoints.

    Args:
        backbone (Mapping): Config of the backbone.
        checkpoint (Mapping): What the file holds; files that were not converted pass.
        source: The file, for the message.

    Raises:
        ValueError: Naming the setting, the values and the override that fits.
    """
    meta = checkpoint.get('meta')
    settings = meta.get('backbone_settings', {}) if isinstance(meta, Mapping) else {}
    for name, (value, *equal) in settings.items():
        if backbone.get(name) not in (value, *equal):
            raise ValueError(
                f'{source} was converted from weights that were trained with {name}={value!r}, but '
                f'the recipe has model.backbone.{name}={backbone.get(name)!r}: the scores would '
                f'not be theirs. Add --cfg-options model.backbone.{name}={value!r}')
