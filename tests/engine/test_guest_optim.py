import torch
from torch import nn

from cocodiff_mm.engine.guest_optim import split_guest_group


def test_guest_gets_its_own_rate_and_everything_else_stays():
    model = nn.ModuleDict(dict(host=nn.Linear(3, 2), neck=nn.Linear(2, 2)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    split_guest_group(optimizer, model['neck'], 0.2)
    host, guest = optimizer.param_groups
    assert [id(p) for p in host['params']] == [id(p) for p in model['host'].parameters()]
    assert [id(p) for p in guest['params']] == [id(p) for p in model['neck'].parameters()]
    assert host['lr'] == 0.1 and abs(guest['lr'] - 0.02) < 1e-12
    assert guest['momentum'] == 0.9 and guest['weight_decay'] == 0.01


def test_groups_that_a_recipe_made_are_kept():
    model = nn.ModuleDict(dict(host=nn.Linear(3, 2), neck=nn.Linear(2, 2)))
    optimizer = torch.optim.SGD([
        dict(params=[model['host'].weight, model['neck'].weight], weight_decay=0.5),
        dict(params=[model['neck'].bias]), dict(params=[model['host'].bias])], lr=1.0)
    split_guest_group(optimizer, model['neck'], 0.5)
    found = {id(p): (g['lr'], g['weight_decay']) for g in optimizer.param_groups
             for p in g['params']}
    assert len(found) == 4
    assert found[id(model['host'].weight)] == (1.0, 0.5)
    assert found[id(model['neck'].weight)] == (0.5, 0.5)
    assert found[id(model['neck'].bias)] == (0.5, 0)
    assert found[id(model['host'].bias)] == (1.0, 0)
