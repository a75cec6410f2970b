import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from cocodiff_mm.models.diffusion import NoiseSchedule, Sampler

DIM = 12


def normal(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise_source(seed):
    generator = torch.Generator().manual_seed(seed)
    return generator, lambda shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def some_denoiser(x, timesteps):
    weight = normal((DIM, DIM), seed=5) / DIM**0.5
    return torch.tanh(x @ weight + timesteps[:, None] / 10)


def reference_scheduler(cls, schedule, **arguments):
    """A diffusers scheduler with our variances, in float64 like ours in these tests."""
    reference = cls(schedule.num_timesteps, clip_sample=False, **arguments)
    reference.betas = schedule.betas
    reference.alphas = 1 - schedule.betas
    reference.alphas_cumprod = torch.cumprod(reference.alphas, 0)
    return reference


def walk(sampler, schedule, x, noise_fn, eps_fn=some_denoiser):
    """The states that the walk visits, with its result as the last one."""
    states, visited = [], []

    def recording(x, timesteps):
        assert timesteps.dtype == torch.int64 and timesteps.shape == (len(x), )
        assert (timesteps == timesteps[0]).all()
        states.append(x)
        visited.append(timesteps[0].item())
        return eps_fn(x, timesteps)

    result = sampler.sample(recording, x, schedule, noise_fn)
    return [*states, result], visited


@pytest.mark.parametrize('kind', ['linear', 'scaled_linear', 'cosine'])
def test_ddpm_walk_agrees_with_diffusers_at_every_step(kind):
    schedule = NoiseSchedule(30, kind).double()
    reference = reference_scheduler(DDPMScheduler, schedule)
    x = normal((5, DIM), seed=1)
    states, visited = walk(Sampler('ddpm'), schedule, x, noise_source(2)[1])
    assert visited == reference.timesteps.tolist() == list(range(29, -1, -1))
    generator, _ = noise_source(2)
    for t, state in zip(visited, states[1:], strict=True):
        eps = some_denoiser(x, torch.full((5, ), t))
        out = reference.step(eps, t, x, generator=generator)
        timesteps = torch.full((5, ), t)
        torch.testing.assert_close(
            schedule.predict_x0(x, eps, timesteps), out.pred_original_sample, rtol=0, atol=1e-9)
        x = out.prev_sample
        torch.testing.assert_close(state, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize('num_steps', [1, 2, 5, 10, 15, 30, None])
@pytest.mark.parametrize('eta', [0., 0.6, 1.])
def test_ddim_walk_agrees_with_diffusers_at_every_step(num_steps, eta):
    schedule = NoiseSchedule(30).double()
    reference = reference_scheduler(DDIMScheduler, schedule, timestep_spacing='trailing')
    reference.set_timesteps(num_steps or 30)
    x = normal((5, DIM), seed=1)
    sampler = Sampler('ddim', num_steps, eta)
    states, visited = walk(sampler, schedule, x, noise_source(2)[1])
    assert visited == reference.timesteps.tolist()
    generator, _ = noise_source(2)
    for t, state in zip(visited, states[1:], strict=True):
        eps = some_denoiser(x, torch.full((5, ), t))
        x = reference.step(eps, t, x, eta=eta, generator=generator).prev_sample
        torch.testing.assert_close(state, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize('sampler, scheduler', [(Sampler('ddpm'), DDPMScheduler),
                                                (Sampler('ddim'), DDIMScheduler)], ids=repr)
def test_float32_walk_is_nearer_to_float64_than_stock_diffusers(sampler, scheduler):
    x = normal((5, DIM), seed=1).float()

    def in_float64(x, timesteps):
        return some_denoiser(x.double(), timesteps).to(x.dtype)

    generator = torch.Generator().manual_seed(2)
    exact = sampler.sample(in_float64, x.double(), NoiseSchedule(30).double(),
                           lambda shape: torch.randn(shape, generator=generator).double())
    generator = torch.Generator().manual_seed(2)
    ours = sampler.sample(in_float64, x, NoiseSchedule(30),
                          lambda shape: torch.randn(shape, generator=generator))
    generator = torch.Generator().manual_seed(2)
    reference = scheduler(30, clip_sample=False)
    reference.set_timesteps(30)
    theirs = x
    for t in reference.timesteps.tolist():
        eps = in_float64(theirs, torch.full((5, ), t))
        theirs = reference.step(eps, t, theirs, generator=generator).prev_sample
    # diffusers forms 1 - abar in float32, which leaves 4 digits of it at timestep 0.
    torch.testing.assert_close(theirs.double(), exact, rtol=0, atol=2e-4)
    torch.testing.assert_close(ours.double(), exact, rtol=0, atol=5e-6)


def test_ddim_with_full_noise_is_ddpm():
    schedule = NoiseSchedule(30).double()
    x = normal((5, DIM), seed=1)
    ddpm = walk(Sampler('ddpm'), schedule, x, noise_source(2)[1])[0]
    ddim = walk(Sampler('ddim', eta=1.), schedule, x, noise_source(2)[1])[0]
    torch.testing.assert_close(ddim, ddpm, rtol=0, atol=0)


def test_ddpm_step_is_the_posterior_of_the_estimate():
    schedule = NoiseSchedule(30, 'cosine').double()
    x = normal((5, DIM), seed=1)
    states, visited = walk(Sampler('ddpm'), schedule, x, torch.zeros)
    for t, state, following in zip(visited, states, states[1:], strict=False):
        timesteps = torch.full((5, ), t)
        x0 = schedule.predict_x0(state, some_denoiser(state, timesteps), timesteps)
        mean, _ = schedule.posterior(x0, state, timesteps)
        torch.testing.assert_close(following, mean, rtol=0, atol=1e-11)


def test_ddim_timesteps_start_at_the_noisiest_and_never_repeat():
    assert Sampler('ddim', 7).timesteps(30) == [29, 25, 20, 16, 12, 8, 3]
    assert Sampler('one_step').timesteps(30) == [29]
    for total in range(1, 41):
        for steps in range(1, total + 1):
            grid = Sampler('ddim', steps).timesteps(total)
            assert len(grid) == steps and grid[0] == total - 1 and grid[-1] >= 0
            assert all(a > b for a, b in zip(grid, grid[1:], strict=False))


@pytest.mark.parametrize('sampler', [
    Sampler('one_step'), Sampler('ddpm'), Sampler('ddim'), Sampler('ddim', 7),
    Sampler('ddim', 4, eta=0.5), Sampler('ddim', 1)
], ids=repr)
def test_a_perfect_denoiser_gives_the_clean_features_back(sampler):
    schedule = NoiseSchedule(30).double()
    x0 = 50 * normal((6, DIM))  # far outside of the [-1, 1] that image samplers clip to
    x_T = schedule.add_noise(x0, normal((6, DIM), seed=1), torch.full((6, ), 29))
    result = sampler.sample(lambda x, t: schedule.predict_noise(x, x0, t), x_T, schedule,
                            noise_source(3)[1])
    torch.testing.assert_close(result, x0, rtol=0, atol=1e-10)


def gaussian_denoiser(schedule, mean, variance):
    """The optimal prediction for features from N(mean, variance)."""

    def eps_fn(x, timesteps):
        alpha_bar = schedule.alpha_bar[timesteps][:, None]
        gain = (1 - alpha_bar).sqrt() / (alpha_bar * variance + 1 - alpha_bar)
        return gain * (x - alpha_bar.sqrt() * mean)

    return eps_fn


@pytest.mark.parametrize('variance', [0.04, 1., 4.])
def test_ddpm_on_gaussian_features_has_the_predicted_mean_and_variance(variance):
    schedule = NoiseSchedule(30, 'cosine').double()
    mean, count = 2., 200_000
    abar = schedule.alpha_bars
    expected = abar[-1] * variance + 1 - abar[-1]
    x_T = abar[-1]**0.5 * mean + expected**0.5 * normal((count, 1), seed=1)
    # A step maps x_t to posterior_x0 E[x_0 | x_t] + posterior_xt x_t, linear in x_t here.
    for t in range(29, -1, -1):
        shrink = abar[t]**0.5 * variance / (abar[t] * variance + 1 - abar[t])
        slope = schedule.posterior_x0[t].item() * shrink + schedule.posterior_xt[t].item()
        expected = slope**2 * expected + schedule.posterior_variance[t].item()
    sample = Sampler('ddpm').sample(
        gaussian_denoiser(schedule, mean, variance), x_T, schedule, noise_source(2)[1])
    assert sample.mean().item() == pytest.approx(mean, abs=5 * (expected / count)**0.5)
    assert sample.var().item() == pytest.approx(expected, rel=5 * (2 / count)**0.5)


def test_many_steps_recover_the_gaussian():
    schedule = NoiseSchedule(1000).double()
    mean, variance, count = 2., 0.25, 20_000
    spread = (schedule.alpha_bars[-1] * variance + 1 - schedule.alpha_bars[-1])**0.5
    z = normal((count, 1), seed=1)
    x_T = schedule.alpha_bars[-1]**0.5 * mean + spread * z
    eps_fn = gaussian_denoiser(schedule, mean, variance)
    # The deterministic walk follows the probability-flow equation, which keeps quantiles.
    ddim = Sampler('ddim').sample(eps_fn, x_T, schedule, noise_source(2)[1])
    torch.testing.assert_close(ddim, mean + variance**0.5 * z, rtol=0, atol=0.03)
    ddpm = Sampler('ddpm').sample(eps_fn, x_T, schedule, noise_source(2)[1])
    assert ddpm.mean().item() == pytest.approx(mean, abs=0.02)
    assert ddpm.var().item() == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize('sampler, calls', [
    (Sampler('ddpm'), 29), (Sampler('ddim'), 0), (Sampler('ddim', 5, eta=0.3), 4),
    (Sampler('one_step'), 0)
], ids=repr)
def test_noise_is_drawn_only_where_it_counts(sampler, calls):
    shapes = []

    def noise_fn(shape):
        shapes.append(tuple(shape))
        return torch.zeros(shape)

    sampler.sample(lambda x, t: x, torch.ones(3, 4), NoiseSchedule(30), noise_fn)
    assert shapes == [(3, 4)] * calls


def test_the_walk_is_differentiable():
    schedule = NoiseSchedule(30).double()
    slope = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    x = normal((2, 3)).requires_grad_()

    def end(x, slope):
        return Sampler('ddpm').sample(lambda x, t: slope * x, x, schedule, noise_source(2)[1])

    assert torch.autograd.gradcheck(end, (x, slope))


@pytest.mark.parametrize('arguments, message', [
    (dict(kind='euler'), r"'euler'.*\['ddpm', 'ddim', 'one_step'\]"),
    (dict(kind='ddpm', num_steps=5), "kind='ddpm' got num_steps=5"),
    (dict(kind='one_step', eta=1.), "kind='one_step' got num_steps=None, eta=1.0"),
    (dict(kind='ddim', num_steps=0), 'num_steps=0, expected num_steps >= 1'),
    (dict(kind='ddim', eta=1.5), 'eta=1.5, expected 0 <= eta <= 1'),
])
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Sampler(**arguments)


def test_more_steps_than_the_schedule_are_refused():
    with pytest.raises(ValueError, match='num_steps=11, expected at most the num_timesteps=10'):
        Sampler('ddim', 11).sample(lambda x, t: x, torch.ones(1, 2), NoiseSchedule(10), torch.zeros)
