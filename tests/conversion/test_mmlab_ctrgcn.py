from collections import OrderedDict

import pytest
import torch
from mmaction.registry import MODELS
from published_weights import SMALL, classifier, pooled, scores, shaken
from references.blockgcn_naive import MultiScaleTemporalConv, TemporalConv
from tiny_recipe import ROOT
from torch import nn

from cocodiff_mm.conversion import convert_state
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.graph import build_adjacency
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings


class Topology(nn.Module):
    """Joint v takes ``topology[u, v]`` of joint u."""

    def __init__(self, inputs, outputs):
        super().__init__()
        relations = 8 if inputs <= 16 else inputs // 8
        self.conv1, self.conv2 = (nn.Conv2d(inputs, relations, 1) for _ in range(2))
        self.conv3, self.conv4 = nn.Conv2d(inputs, outputs, 1), nn.Conv2d(relations, outputs, 1)

    def forward(self, x, shared, alpha):
        one, other = self.conv1(x).mean(2), self.conv2(x).mean(2)
        relation = torch.tanh(one[:, :, :, None] - other[:, :, None])
        return torch.einsum('ncuv,nctu->nctv', alpha * self.conv4(relation) + shared,
                            self.conv3(x))


class GraphConv(nn.Module):
    def __init__(self, inputs, outputs, adjacency):
        super().__init__()
        self.A, self.alpha = nn.Parameter(adjacency.clone()), nn.Parameter(torch.ones(1))
        self.convs = nn.ModuleList(Topology(inputs, outputs) for _ in adjacency)
        self.bn, self.down = nn.BatchNorm2d(outputs), nn.Identity()
        if inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = sum(conv(x, graph, self.alpha) for conv, graph in zip(self.convs, self.A, strict=True))
        return torch.relu(self.bn(y) + self.down(x))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, adjacency, first):
        super().__init__()
        self.gcn1 = GraphConv(inputs, outputs, adjacency)
        self.tcn1, self.first = MultiScaleTemporalConv(outputs, stride), first
        if not first and (inputs != outputs or stride > 1):
            self.residual = TemporalConv(inputs, outputs, 1, stride)

    def forward(self, x):
        y = torch.relu(self.tcn1(self.gcn1(x)))
        if self.first:
            return y
        return torch.relu(y + (self.residual(x) if hasattr(self, 'residual') else x))


class NaiveMMLab(nn.Module):
    """CTR-GCN as MMAction2's project and PYSKL compute it."""

    def __init__(self, layout, widths=(16, 32, 32), strides=(1, 2, 2)):
        super().__init__()
        adjacency = build_adjacency(dict(layout=layout)).mT
        self.register_buffer('A', adjacency.clone())
        self.data_bn = nn.BatchNorm1d(2 * adjacency.shape[-1] * 3)
        self.net, inputs = nn.ModuleList(), 3
        for i, (width, stride) in enumerate(zip(widths, strides, strict=True)):
            self.net.append(Block(inputs, width, stride, adjacency, i == 0))
            inputs = width

    def forward(self, x):
        n, m, t, v, c = x.shape
        x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(n, -1, t))
        x = x.view(n * m, v, c, t).permute(0, 2, 3, 1)
        for block in self.net:
            x = block(x)
        return x.unflatten(0, (n, m))


def file(network, fc, name):
    state = OrderedDict((f'backbone.{key}', value) for key, value in network.state_dict().items())
    state.update({f'cls_head.{name}.{key}': value for key, value in fc.state_dict().items()})
    return dict(meta=dict(epoch=16), state_dict=state, optimizer=dict(param_groups=[]))


@pytest.mark.parametrize('source, head', [('mmaction2', 'fc'), ('pyskl', 'fc_cls')])
@pytest.mark.parametrize('layout, joints', [('nturgb+d', 25), ('coco', 17)])
def test_scores_of_the_transposed_network(source, head, layout, joints):
    network, fc = shaken(NaiveMMLab(layout), 3, 2, 8, joints, 3), classifier(32, 7)
    conversion = convert_state(file(network, fc, head), source)
    x = torch.randn(2, 2, 8, joints, 3, dtype=torch.float64)
    expected = fc(pooled(network(x)))
    torch.testing.assert_close(scores(conversion, x), expected, rtol=1e-9, atol=1e-9)
    backbone = conversion.model['backbone']
    assert {name: backbone[name] for name in SMALL} == SMALL and backbone['tcn_relu'] is True
    conversion.model['backbone'] = dict(backbone, tcn_relu=False)
    assert (scores(conversion, x) - expected).abs().max() > 1e-3


@pytest.mark.parametrize('source, head', [('mmaction2', 'fc'), ('pyskl', 'fc_cls')])
def test_published_size_fits_the_recipe_with_the_switch_only(source, head):
    widths = (64, ) * 4 + (128, ) * 3 + (256, ) * 3
    network = NaiveMMLab('nturgb+d', widths, (1, 1, 1, 1, 2, 1, 1, 2, 1, 1))
    published = file(network, nn.Linear(256, 60), head)
    assert len(published['state_dict']) == 823
    conversion = convert_state(published, source)
    assert conversion.config == 'configs/ctrgcn.py'
    assert conversion.options == ['data=ntu60', 'model.backbone.tcn_relu=True', 'sampling=pyskl']
    assert any('left out: backbone.A' in line for line in conversion.lines)
    cfg = load_config(ROOT / conversion.config, dict(data='ntu60', sampling='pyskl'))
    check_fit(MODELS.build(cfg.model), conversion.state_dict, 'OUT')
    meta = dict(meta=conversion.meta)
    with pytest.raises(ValueError, match=r'Add --cfg-options model\.backbone\.tcn_relu=True'):
        check_settings(cfg.model.backbone, meta, 'OUT')
    cfg.model.backbone.tcn_relu = True
    check_settings(cfg.model.backbone, meta, 'OUT')
