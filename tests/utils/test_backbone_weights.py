import http.server
import threading
from functools import partial

import pytest
import torch
from torch import nn

from cocodiff_mm.utils.backbone_weights import backbone_state, load_backbone


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_prefix_goes_and_the_rest_stays_out():
    backbone = nn.Linear(2, 3)
    own = dict(weight=torch.ones(3, 2), bias=torch.zeros(3))
    whole = {f'backbone.{key}': value for key, value in own.items()}
    whole.update({'cls_head.weight': torch.ones(1), 'neck.backbone.weight': torch.ones(1)})
    for checkpoint in (whole, dict(state_dict=whole), own, dict(state_dict=own)):
        assert backbone_state(backbone, {}, checkpoint, 'a.pth') == own


def test_a_prefix_goes_once():
    backbone = nn.ModuleDict(dict(backbone=nn.Linear(1, 1, bias=False)))
    weight = torch.ones(1, 1)
    assert backbone_state(backbone, {}, {'backbone.backbone.weight': weight},
                          'a.pth') == {'backbone.weight': weight}


@pytest.mark.parametrize('content, kind', [
    ([1], 'list'), (torch.zeros(2), 'Tensor'), (dict(state_dict=None), 'NoneType'),
])
def test_files_without_weights_end_in_a_sentence(content, kind, tmp_path):
    file = str(tmp_path / 'a.pth')
    torch.save(content, file)
    with pytest.raises(ValueError, match=rf'a\.pth holds no weights: expected .* got {kind}$'):
        load_backbone(nn.Linear(1, 1), {}, file)


def test_weights_that_do_not_fit_leave_the_backbone_as_it_was(tmp_path):
    file, backbone = str(tmp_path / 'a.pth'), nn.Linear(2, 3)
    before = backbone.weight.detach().clone()
    torch.save({'backbone.weight': torch.ones(3, 2)}, file)
    with pytest.raises(ValueError, match=r'does not fit Linear: of 2 keys 1 missing \(bias\)'):
        load_backbone(backbone, {}, file)
    assert torch.equal(backbone.weight, before)
    with pytest.raises(FileNotFoundError, match='no such checkpoint'):
        load_backbone(backbone, {}, str(tmp_path / 'b.pth'))


def test_url_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    torch.save({'backbone.weight': torch.full((1, 1), 3.), 'cls_head.weight': torch.ones(1)},
               tmp_path / 'a.pth')
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(QuietHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    backbone = nn.Linear(1, 1, bias=False)
    try:
        load_backbone(backbone, {}, f'http://127.0.0.1:{server.server_port}/a.pth')
    finally:
        server.shutdown()
        server.server_close()
    assert backbone.weight.item() == 3
