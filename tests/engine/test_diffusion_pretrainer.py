import json
import logging

import pytest
import torch

from cocodiff_mm.engine.diffusion_pretrainer import DiffusionPretrainer
from cocodiff_mm.models.necks import LatentDiffusionNeck

LOGGER = logging.getLogger('stage1')


@pytest.fixture
def features():
    torch.manual_seed(3)
    labels = torch.arange(120) % 17
    centres = torch.randn(17, 16) * 3
    return centres[labels] + 0.3 * torch.randn(120, 16), labels


def make(folder, features, **settings):
    torch.manual_seed(0)
    neck = LatentDiffusionNeck(16, 'synthetic', num_timesteps=10,
                               denoiser=dict(type='LinearUNet', channels=(64, 32)))
    settings = dict(epochs=12, batch_size=32, lr=3e-3, fingerprint='a',
                    checkpoint_seconds=0) | settings
    return neck, DiffusionPretrainer(neck, *features, folder, LOGGER, **settings)


def curve(folder):
    lines = (folder / 'stage1.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != 'seconds'} for line in lines]


def test_learns_and_sets_the_feature_scale(tmp_path, features):
    neck, trainer = make(tmp_path, features, epochs=30)
    trainer.run()
    losses = curve(tmp_path)
    assert [line['epoch'] for line in losses] == list(range(1, 31))
    assert losses[0]['loss_rec'] > 0.9, 'a silent denoiser: E eps^2 = 1'
    assert losses[-1]['loss_rec'] < 0.85
    assert losses[-1]['loss_con'] < 0.7 * losses[0]['loss_con']
    torch.testing.assert_close(neck.scale.mean, features[0].mean(0))
    assert [name for name, p in neck.named_parameters() if p.grad is None] == []


class Killed(Exception):
    pass


def test_resumed_curve_and_weights_equal_the_uninterrupted_ones(tmp_path, features):
    whole, trainer = make(tmp_path / 'whole', features)
    trainer.run()
    _, trainer = make(tmp_path / 'cut', features)
    train_epoch = trainer._train_epoch

    def dies_in_epoch_5(epoch):
        if epoch == 4:
            raise Killed
        return train_epoch(epoch)

    trainer._train_epoch = dies_in_epoch_5
    with pytest.raises(Killed):
        trainer.run()
    torch.manual_seed(99)
    torch.randn(7)  # another random state outside must make no difference
    resumed, trainer = make(tmp_path / 'cut', features)
    trainer.run(resume=True)
    assert curve(tmp_path / 'cut') == curve(tmp_path / 'whole')
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_finished_stage_is_not_trained_again(tmp_path, features):
    _, trainer = make(tmp_path, features)
    trainer.run()
    again, trainer = make(tmp_path, features)
    trainer._train_epoch = None
    trainer.run(resume=True)
    state = torch.load(tmp_path / 'stage1.pth', weights_only=True)
    assert torch.equal(again.loss_text.proj.weight, state['neck']['loss_text.proj.weight'])


def test_other_features_or_settings_start_again(tmp_path, features, caplog):
    make(tmp_path, features)[1].run()
    trainer = make(tmp_path, features, fingerprint='b', epochs=3)[1]
    with caplog.at_level(logging.WARNING):
        trainer.run(resume=True)
    assert 'belongs to other features' in caplog.text
    assert len(curve(tmp_path)) == 3


def test_outer_random_state_is_left_alone(tmp_path, features):
    trainer = make(tmp_path, features, epochs=1)[1]
    torch.manual_seed(7)
    expected = torch.randn(3)
    torch.manual_seed(7)
    trainer.run()
    assert torch.equal(torch.randn(3), expected)


def test_nan_stops_and_keeps_the_last_state(tmp_path, features):
    make(tmp_path, features, epochs=2)[1].run()
    before = (tmp_path / 'stage1.pth').read_bytes()
    feats = features[0].clone()
    feats[5] = float('nan')
    with pytest.raises(FloatingPointError, match='loss_rec=nan'):
        make(tmp_path, (feats, features[1]))[1].run()
    assert (tmp_path / 'stage1.pth').read_bytes() == before


def test_fewer_features_than_a_batch(tmp_path, features):
    trainer = make(tmp_path, (features[0][:5], features[1][:5]), epochs=1)[1]
    trainer.run()
    assert trainer.batch_size == 5 and len(curve(tmp_path)) == 1
