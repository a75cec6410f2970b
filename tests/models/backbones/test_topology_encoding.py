import pytest
import torch

from cocodiff_mm.models.backbones.topology_encoding import StructureElements, TopologyEncoding


def joints(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def encoding(published=False):
    torch.manual_seed(0)
    return TopologyEncoding([4, 6], published).double()


def test_elements_see_a_gaussian_of_each_death():
    elements = StructureElements(2)
    elements.centres.data = torch.tensor([[0., 0.5], [1., 0.]])
    elements.sharpness.data = torch.tensor([[3., 2.], [0.5, 1.]])
    seen = elements(torch.tensor([[0.5, 1.]]))
    torch.testing.assert_close(seen.log(), torch.tensor([[[0., -0.5], [-1., -1.25]]]))


def test_size_of_the_skeleton_and_where_it_stands_do_not_matter():
    x = joints(2, 2, 5, 10, 3)
    model = encoding()
    torch.testing.assert_close(model.vectors(x * 7 + 3), model.vectors(x), rtol=1e-9, atol=0)


def test_right_per_sample():
    x = joints(3, 2, 5, 10, 3)
    x[2] *= 10
    model = encoding()
    for i in range(3):
        torch.testing.assert_close(model.vectors(x)[i:i + 1], model.vectors(x[i:i + 1]))
    rows = model.eval()(x)
    assert [row.shape for row in rows] == [(4, 6), (6, 6)]
    for i in range(3):
        alone = model(x[i:i + 1])[1]
        torch.testing.assert_close(rows[1][:, 2 * i:2 * i + 2], alone)
        assert torch.equal(alone[:, 0], alone[:, 1])


def test_published_scale_and_order_are_those_of_the_batch():
    x = joints(3, 2, 5, 10, 3)
    published, right = encoding(published=True).eval(), encoding().eval()
    assert not torch.allclose(published.vectors(x)[0], published.vectors(x[:1])[0])
    # Person p of clip n is row 2 n + p and gets the vector of clip (2 n + p) modulo 3.
    rows = published(x)[0]
    assert torch.equal(rows[:, :3], rows[:, 3:])
    assert not torch.allclose(rows[:, 0], rows[:, 1])
    torch.testing.assert_close(published(x[:1]), right(x[:1]))


def test_coincident_joints_and_absent_persons():
    x = joints(3, 1, 4, 6, 3)
    x[0] = 0
    x[1, :, :, 2] = x[1, :, :, 4]
    seen, published = encoding().vectors(x), encoding(published=True).vectors(x)
    assert not seen[0].any()
    # In the published code diagrams are filled up, to the longest, with points that count 1.
    assert torch.equal(published[0], torch.full_like(published[0], 5))
    assert not encoding(published=True).vectors(x[:1]).any()
    x[2] = x[1] * 3
    ones = encoding(published=True).vectors(x) - encoding(published=True).vectors(x[1:])[None, 1]
    torch.testing.assert_close(ones[2], torch.zeros_like(ones[2]))


def test_one_person_can_not_be_normalised_in_training():
    with pytest.raises(ValueError, match='got 1 clip of 1 person; give batches of at least 2'):
        encoding()(joints(1, 1, 4, 6, 3))
    assert encoding().eval()(joints(1, 1, 4, 6, 3))[0].shape == (4, 1)
