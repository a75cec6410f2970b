import copy

import pytest
import torch
from diffusers import DDPMScheduler

from cocodiff_mm.models.diffusion import NoiseSchedule

DIFFUSERS_KINDS = {
    'linear': 'linear',
    'scaled_linear': 'scaled_linear',
    'cosine': 'squaredcos_cap_v2'
}


def batch(num_timesteps=30, dim=16, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    timesteps = torch.arange(num_timesteps)
    x0 = 3 * torch.randn(num_timesteps, dim, generator=generator, dtype=dtype)
    noise = torch.randn(num_timesteps, dim, generator=generator, dtype=dtype)
    return x0, noise, timesteps


def test_signal_left_after_thirty_linear_steps():
    product = 1.
    for i in range(30):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * i / 29)
    schedule = NoiseSchedule(30)
    assert schedule.alpha_bars[-1] == pytest.approx(product, rel=1e-14)
    assert round(schedule.alpha_bars[-1], 3) == 0.738


@pytest.mark.parametrize('kind', DIFFUSERS_KINDS)
@pytest.mark.parametrize('num_timesteps', [1, 10, 30])
def test_forward_process_agrees_with_diffusers(kind, num_timesteps):
    reference = DDPMScheduler(
        num_timesteps,
        beta_start=1e-4,
        beta_end=0.02,
        beta_schedule=DIFFUSERS_KINDS[kind],
        clip_sample=False)
    schedule = NoiseSchedule(num_timesteps, kind)
    x0, noise, timesteps = batch(num_timesteps)
    torch.testing.assert_close(schedule.betas, reference.betas, rtol=1e-5, atol=1e-7)
    # diffusers forms 1 - abar in float32, which alone is 1.5e-6 off at timestep 0.
    torch.testing.assert_close(
        schedule.add_noise(x0, noise, timesteps),
        reference.add_noise(x0, noise, timesteps),
        rtol=1e-6,
        atol=1e-5)
    schedule.double()
    reference.alphas_cumprod = torch.cumprod(1 - schedule.betas, 0)
    x0, noise, timesteps = batch(num_timesteps, dtype=torch.float64)
    torch.testing.assert_close(
        schedule.add_noise(x0, noise, timesteps),
        reference.add_noise(x0, noise, timesteps),
        rtol=0,
        atol=1e-12)


def test_any_scheduler_of_diffusers_can_lend_its_betas():
    reference = DDPMScheduler(20, beta_schedule='sigmoid', clip_sample=False)
    schedule = NoiseSchedule(20, betas=reference.betas.tolist())
    torch.testing.assert_close(schedule.betas, reference.betas, rtol=0, atol=0)
    torch.testing.assert_close(schedule.alpha_bar, reference.alphas_cumprod, rtol=1e-6, atol=0)
    given_as_tensor = NoiseSchedule(20, betas=reference.betas)
    assert given_as_tensor.alpha_bars == schedule.alpha_bars


def test_cosine_variances_are_clipped():
    betas = NoiseSchedule(100, 'cosine').betas
    assert betas[-1].item() == pytest.approx(0.999, rel=1e-6)
    assert betas[:-1].max() < 0.999
    assert (betas.diff() > 0).all()


def test_forward_process_has_the_stated_mean_and_variance():
    generator = torch.Generator().manual_seed(0)
    schedule = NoiseSchedule(30)
    x0 = torch.full((400_000, 1), 2.5)
    noise = torch.randn(x0.shape, generator=generator)
    x_t = schedule.add_noise(x0, noise, torch.full((len(x0), ), 29))
    assert x_t.mean().item() == pytest.approx(2.5 * schedule.alpha_bars[29]**0.5, abs=5e-3)
    assert x_t.var().item() == pytest.approx(1 - schedule.alpha_bars[29], rel=1e-2)


def test_one_step_of_the_forward_process_chains_to_the_closed_form():
    schedule = NoiseSchedule(30).double()
    mean, variance = 1., 0.
    for t, beta in enumerate(schedule.betas.tolist()):
        mean, variance = mean * (1 - beta)**0.5, variance * (1 - beta) + beta
        assert schedule.signal_scale[t].item() == pytest.approx(mean, rel=1e-14)
        assert schedule.noise_scale[t].item()**2 == pytest.approx(variance, rel=1e-10)


def test_inversions_recover_signal_and_noise_exactly():
    schedule = NoiseSchedule(30).double()
    x0, noise, timesteps = batch(dtype=torch.float64)
    x_t = schedule.add_noise(x0, noise, timesteps)
    torch.testing.assert_close(schedule.predict_x0(x_t, noise, timesteps), x0, rtol=0, atol=1e-13)
    torch.testing.assert_close(
        schedule.predict_noise(x_t, x0, timesteps), noise, rtol=0, atol=1e-12)


def test_every_sample_has_its_own_timestep():
    schedule = NoiseSchedule(30, 'cosine')
    x0, noise, timesteps = batch()
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    mixed = schedule.add_noise(x0[order], noise[order], timesteps[order])
    for row, i in enumerate(order.tolist()):
        alone = schedule.add_noise(x0[i:i + 1], noise[i:i + 1], timesteps[i:i + 1])
        torch.testing.assert_close(mixed[row:row + 1], alone, rtol=0, atol=0)


@pytest.mark.parametrize('kind', DIFFUSERS_KINDS)
def test_posterior_is_bayes_rule_on_the_two_gaussians(kind):
    schedule = NoiseSchedule(30, kind).double()
    x0, noise, timesteps = batch(dtype=torch.float64)
    x_t = schedule.add_noise(x0, noise, timesteps)
    mean, variance = schedule.posterior(x0, x_t, timesteps)
    assert variance.shape == (30, 1)
    torch.testing.assert_close(mean[0], x0[0], rtol=0, atol=1e-11)
    assert variance[0].item() == 0
    for t in range(1, 30):
        beta, before = schedule.betas[t], schedule.alpha_bar[t - 1]
        # prior N(sqrt(abar_{t-1}) x0, 1 - abar_{t-1}), likelihood N(x_t; sqrt(1 - beta) x, beta)
        precision = 1 / (1 - before) + (1 - beta) / beta
        weighted = before.sqrt() * x0[t] / (1 - before) + (1 - beta).sqrt() * x_t[t] / beta
        torch.testing.assert_close(mean[t], weighted / precision, rtol=1e-9, atol=1e-12)
        assert variance[t].item() == pytest.approx(1 / precision.item(), rel=1e-9)


def test_tables_stay_out_of_the_checkpoint():
    schedule = NoiseSchedule(30)
    assert not schedule.state_dict() and not list(schedule.parameters())
    assert schedule.signal_scale.dtype == torch.float32


@pytest.mark.parametrize('move', [
    lambda s: s.double(), lambda s: s.bfloat16().double(), lambda s: copy.deepcopy(s).double(),
    lambda s: torch.nn.Sequential(s).to(torch.float64)[0]
])
def test_casting_to_float64_restores_full_accuracy(move):
    schedule = move(NoiseSchedule(30))
    betas = torch.linspace(1e-4, 0.02, 30, dtype=torch.float64)
    expected = (1 - torch.cumprod(1 - betas, 0)).sqrt()
    torch.testing.assert_close(schedule.noise_scale, expected, rtol=1e-15, atol=0)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16])
def test_results_keep_the_dtype_of_the_features(dtype):
    schedule = NoiseSchedule(30)
    x0, noise, timesteps = batch(dtype=dtype)
    x_t = schedule.add_noise(x0, noise, timesteps)
    assert x_t.dtype == dtype
    assert schedule.predict_x0(x_t, noise, timesteps).dtype == dtype
    assert schedule.predict_noise(x_t, x0, timesteps).dtype == dtype
    assert {part.dtype for part in schedule.posterior(x0, x_t, timesteps)} == {dtype}


@pytest.mark.parametrize('timestep', [-1, 30])
def test_timesteps_out_of_range_are_not_wrapped(timestep):
    x0, noise, timesteps = batch()
    timesteps[3] = timestep
    with pytest.raises(IndexError):
        NoiseSchedule(30).add_noise(x0, noise, timesteps)


@pytest.mark.parametrize('arguments, message', [
    (dict(num_timesteps=0), 'num_timesteps=0, expected num_timesteps >= 1'),
    (dict(num_timesteps=30, kind='sigmoid'), r"'sigmoid'.*\['linear', 'scaled_linear', 'cosine'\]"),
    (dict(num_timesteps=30, beta_start=0.), r'from 0 to 0.02, expected every one inside \(0, 1\)'),
    (dict(num_timesteps=30, beta_end=1.), r'from 0.0001 to 1, expected'),
    (dict(num_timesteps=30, kind='scaled_linear', beta_start=-1e-4), 'expected every one inside'),
    (dict(num_timesteps=3, betas=[0.1, 0.2]), r'shape \(2,\), expected \(3,\)'),
    (dict(num_timesteps=2, betas=[0.1, float('nan')]), 'expected every one inside'),
])
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        NoiseSchedule(**arguments)
