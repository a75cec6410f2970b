import pytest
import torch
import torch.nn.functional as F

from cocodiff_mm.text.selection import select_rows


@pytest.fixture
def table():
    rows = F.normalize(torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0)), dim=-1)
    rows[1, 2:] = 0
    return rows, torch.tensor([4, 2])


def test_random_is_uniform_over_the_texts_of_the_class(table):
    rows, count = table
    torch.manual_seed(0)
    picked = select_rows(rows, count, torch.tensor([0, 1]).repeat(4000), 'random')
    for label in range(2):
        same = (picked[label::2, None] == rows[label, :count[label]]).all(-1).float()
        expected = torch.full((int(count[label]), ), 1 / int(count[label]))
        torch.testing.assert_close(same.mean(0), expected, atol=0.03, rtol=0)


@pytest.mark.parametrize('chance, index', [(0.0, 0), (0.24, 0), (0.26, 1), (0.99, 3), (1.0, 3)])
def test_chance_decides(table, chance, index):
    rows, count = table
    picked = select_rows(rows, count, torch.tensor([0]), 'random', torch.tensor([chance]))
    assert torch.equal(picked[0], rows[0, index])


def test_mean_leaves_the_padding_out_and_has_length_one(table):
    rows, count = table
    expected = F.normalize((rows[1, 0] + rows[1, 1]) / 2, dim=0)
    torch.testing.assert_close(select_rows(rows, count, torch.tensor([1]), 'mean')[0], expected)


def test_first_is_the_label(table):
    rows, count = table
    assert torch.equal(select_rows(rows, count, torch.tensor([1, 0]), 'first'), rows[[1, 0], 0])


def test_unknown_choice_names_the_known_ones(table):
    with pytest.raises(ValueError, match="unknown choice 'best'; allowed: 'random', 'mean', 'fir"):
        select_rows(*table, torch.tensor([0]), 'best')
