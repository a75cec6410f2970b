import pytest
import torch
import torch.nn.functional as F
from letters_encoder import LettersEncoder, letters

from cocodiff_mm.text.encoders import check_device

TEXTS = ['a bad cab', 'a big bag', 'deaf egg', 'each beach', 'he had', 'a headache', 'cage']


@pytest.mark.parametrize('size, batches', [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (99, [7])])
def test_texts_are_encoded_in_batches_and_normalised(size, batches):
    encoder = LettersEncoder(batch_size=size)
    rows = encoder(TEXTS)
    assert encoder.batches == batches
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows, F.normalize(letters(TEXTS).double(), dim=1).float())


def test_no_texts_make_no_rows():
    assert LettersEncoder()([]).shape == (0, 8)


@pytest.mark.parametrize('bad, message', [
    (torch.zeros(3, 7), r'letters gave shape \(3, 7\) for 3 texts; expected \(3, 8\)'),
    (torch.ones(2, 8), r'letters gave shape \(2, 8\) for 3 texts'),
    (torch.ones(3), r'letters gave shape \(3,\) for 3 texts'),
    (torch.ones(3, 8) * torch.tensor([1., 0., 1.])[:, None],
     "zeros or non-finite numbers for 'a big bag'; check its weights"),
    (torch.ones(3, 8) / torch.tensor([1., 1., 0.])[:, None],
     "zeros or non-finite numbers for 'deaf egg'")])
def test_rows_that_cannot_be_used_are_refused(bad, message, monkeypatch):
    monkeypatch.setattr(LettersEncoder, 'encode_batch', lambda self, texts: bad)
    with pytest.raises(ValueError, match=message):
        LettersEncoder()(TEXTS[:3])


def test_a_batch_holds_something():
    with pytest.raises(ValueError, match='batch_size must be 1 or more, got 0'):
        LettersEncoder(batch_size=0)


def test_devices_that_are_not_there_are_refused():
    assert check_device('cpu') == torch.device('cpu')
    number = torch.cuda.device_count()
    with pytest.raises(ValueError, match=rf"no device 'cuda:{number}': this machine, .* has cpu"):
        LettersEncoder(f'cuda:{number}')
    with pytest.raises(ValueError, match="unknown device 'gpu'; this machine has cpu"):
        LettersEncoder('gpu')
    with pytest.raises(ValueError, match="no device 'meta'"):
        LettersEncoder('meta')
