import pytest
import torch
from torch import nn

from cocodiff_mm.utils.weight_fit import check_fit


class Recognizer(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.backbone = nn.Conv1d(3, 4, 1)
        self.cls_head = nn.Linear(4, num_classes)
        self.cls_head.num_classes = num_classes


def test_check_fit_accepts_the_model_itself():
    check_fit(Recognizer(5), Recognizer(5).state_dict(), 'a.pth')


def test_check_fit_counts_names_and_shapes():
    state = Recognizer(5).state_dict()
    state['extra.one'] = state.pop('backbone.weight')
    state.update({f'extra.{i}': torch.zeros(1) for i in range(4)})
    with pytest.raises(ValueError) as error:
        check_fit(Recognizer(7), state, 'runs/a.pth')
    message = str(error.value)
    assert message.startswith('runs/a.pth does not fit Recognizer (Conv1d, Linear, 7 classes)')
    assert 'of 4 keys 1 missing (backbone.weight)' in message
    assert '5 unexpected (extra.one; extra.0; extra.1; ...)' in message
    assert ('2 of another shape (cls_head.weight (5, 4), expected (7, 4); '
            'cls_head.bias (5,), expected (7,))') in message
    assert message.endswith('Take the recipe that the weights were trained with, or weights of '
                            'this recipe')


@pytest.mark.parametrize('names, advice', [
    ('backbone.net.0.gcn1.PA cls_head.fc.weight',
     r'weights of CTRGCN of this package \(60 classes, 25 joints\); take the recipe .* '
     r'configs/ctrgcn\.py with --cfg-options data=ntu60'),
    ('l1.gcn1.fc1 fc.weight to_joint_embedding.weight',
     r'weights of BlockGCN of its authors \(60 classes, 25 joints\); make them fit with python '
     r'tools/convert_checkpoint\.py a\.pt --from blockgcn --out NEW\.pth'),
])
def test_check_fit_says_which_command_fits_weights_that_it_knows(names, advice):
    shapes = [(3, 25, 25), (60, 4), (8, 3)]
    state = {name: torch.zeros(shape) for name, shape in zip(names.split(), shapes, strict=False)}
    with pytest.raises(ValueError, match=advice):
        check_fit(Recognizer(7), state, 'a.pt')


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_check_fit_names_weights_that_are_not_finite(value, dtype):
    state = Recognizer(5).state_dict()
    state['cls_head.weight'] = torch.ones(5, 4, dtype=dtype)
    check_fit(Recognizer(5), state, 'a.pth')
    state['cls_head.weight'][2, 3] = value
    with pytest.raises(ValueError, match=(r'^a\.pth holds NaN or infinite weights in 1 of 4 '
                                          r'tensors \(cls_head\.weight\): take an earlier')):
        check_fit(Recognizer(5), state, 'a.pth')


def test_integers_are_finite_whatever_they_are():
    norm = nn.BatchNorm1d(2)
    norm.num_batches_tracked.fill_(torch.iinfo(torch.int64).max)
    check_fit(norm, norm.state_dict(), 'a.pth')


def test_check_fit_takes_its_advice_from_all_the_weights_there_are():
    whole = {'backbone.net.0.gcn1.PA': torch.zeros(3, 25, 25),
             'cls_head.fc.weight': torch.zeros(60, 4)}
    part = {'net.0.gcn1.PA': whole['backbone.net.0.gcn1.PA']}
    with pytest.raises(ValueError, match=r'1 unexpected \(net\.0\.gcn1\.PA\).* weights of CTRGCN '
                                         r'of this package \(60 classes, 25 joints\)'):
        check_fit(nn.Linear(2, 2), part, 'a.pth', whole)


def test_check_fit_refuses_values_that_are_no_tensors():
    state = dict(Recognizer(5).state_dict(), **{'cls_head.bias': [0.0] * 5})
    with pytest.raises(ValueError, match=r'cls_head\.bias list, expected \(5,\)'):
        check_fit(Recognizer(5), state, 'a.pth')
