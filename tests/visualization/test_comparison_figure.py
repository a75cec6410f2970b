import numpy as np
import pytest

from cocodiff_mm.visualization.comparison_figure import draw_comparison, to_plane


@pytest.fixture
def feats():
    generator = np.random.default_rng(0)
    return generator.normal(size=(60, 8)) * np.array([50, 5, 1, 1, 1, 1, 1, 0])


def test_plane_keeps_the_two_directions_of_most_variance(feats):
    feats[:, 2] = feats[:, 1] / 5 + 0.01 * feats[:, 2]  # two channels that move together
    real, other = to_plane(feats, feats + 1)
    standard = (feats - feats.mean(0)) / (feats.std(0) + 1e-6)
    variances = np.linalg.eigvalsh(standard.T @ standard / len(feats))
    assert np.allclose(real.var(0), variances[::-1][:2])
    assert real.shape == other.shape == (60, 2) and not np.allclose(real, other)


def test_writes_a_picture_or_nothing(feats, tmp_path):
    labels = np.arange(60) % 3
    path = tmp_path / 'figure.png'
    draw_comparison(path, feats, feats + 0.1, labels, ['a', 'b', 'c', 'absent'],
                    dict(plain=70.0, cocodiff=72.5))
    assert path.read_bytes().startswith(b'\x89PNG') and path.stat().st_size > 10_000
    with pytest.raises(IndexError):
        draw_comparison(path.with_name('other.png'), feats, feats, labels[:5], ['a'], {})
    assert [p.name for p in tmp_path.iterdir()] == ['figure.png']
