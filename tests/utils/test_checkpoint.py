import collections
import http.server
import os
import pathlib
import pickle
import threading
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from cocodiff_mm.utils import checkpoint
from cocodiff_mm.utils.checkpoint import (
    load_checkpoint,
    save_checkpoint_atomic,
    without_guest,
)


@pytest.fixture(params=['named globals', 'restricted pickle'], autouse=True)
def mechanism(request, monkeypatch):
    """Every test reads with what new and with what old versions of torch offer."""
    if request.param == 'restricted pickle':
        monkeypatch.setattr(checkpoint, 'NAMED_GLOBALS', (99, 0))


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


class Attribute(Call):
    def __init__(self, owner, name):
        super().__init__(getattr, owner, name)


class ToyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, inputs, labels, mode='tensor'):
        return dict(loss=nn.functional.cross_entropy(self.fc(inputs), labels))


def toy_runner(folder, epochs, **kwargs) -> Runner:
    data = [(torch.randn(3), i % 2) for i in range(4)]
    return Runner(
        ToyModel(), str(folder),
        train_dataloader=dict(dataset=data, batch_size=2, num_workers=0,
                              sampler=dict(type='DefaultSampler', shuffle=True),
                              collate_fn=dict(type='default_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        param_scheduler=dict(type='CosineAnnealingLR', T_max=4),
        custom_hooks=[dict(type='EMAHook')], default_scope='mmengine',
        experiment_name=f'{folder.name}_{epochs}', log_level='ERROR', **kwargs)


def test_training_run_resumes_from_its_checkpoint(tmp_path):
    toy_runner(tmp_path, 2).train()
    file = tmp_path / 'epoch_2.pth'
    saved = load_checkpoint(file)
    assert isinstance(saved['message_hub']['log_scalars']['train/loss'], HistoryBuffer)
    assert 'ema_state_dict' in saved
    if checkpoint.NAMED_GLOBALS == (99, 0):
        return
    runner = toy_runner(tmp_path, 3, resume=True)
    runner.train()
    assert runner.epoch == 3
    history = runner.message_hub.get_scalar('train/loss').data[0]
    before = saved['message_hub']['log_scalars']['train/loss'].data[0]
    assert len(before) == 4 and len(history) == 6
    np.testing.assert_array_equal(history[:4], before)


def test_message_hub_comes_back_equal(tmp_path):
    hub = MessageHub('checkpoint_test')
    for value in (4.0, 2.0, 9.0):
        hub.update_scalar('train/loss', value)
    hub.update_info('best_score', np.float64(0.75))
    torch.save(dict(message_hub=hub.state_dict()), tmp_path / 'a.pth')
    loaded = load_checkpoint(tmp_path / 'a.pth')['message_hub']
    buffer = loaded['log_scalars']['train/loss']
    assert buffer.statistics('mean') == 5.0 and buffer.statistics('max') == 9.0
    assert buffer.statistics('current', ) == 9.0
    assert loaded['runtime_info']['best_score'] == 0.75


@pytest.mark.parametrize('value', [
    np.arange(6, dtype=np.int64).reshape(2, 3), np.array(['walk', 'run']), np.float32(1.5),
    np.array([True, False]), np.datetime64('2026-11-21').astype('int64'),
    collections.OrderedDict(a=1), {1, 2}, frozenset({3}),
    slice(1, 5, 2), range(3), bytearray(b'ab'), 1 + 2j, b'bytes', None, ('label', 3, 2.5),
    pathlib.Path('/data/ntu'), pathlib.PurePosixPath('a/b'), torch.float16, torch.device('cpu'),
    torch.Size([2, 3]),
], ids=lambda value: type(value).__name__)
def test_data_comes_back_equal(tmp_path, value):
    torch.save(dict(meta=value), tmp_path / 'a.pth')
    loaded = load_checkpoint(str(tmp_path / 'a.pth'))['meta']
    assert type(loaded) is type(value)
    assert np.array_equal(loaded, value) if isinstance(value, np.ndarray) else loaded == value


def test_defaultdict_comes_back_as_a_dict(tmp_path):
    torch.save(collections.defaultdict(list, a=[1]), tmp_path / 'a.pth')
    assert load_checkpoint(tmp_path / 'a.pth') == dict(a=[1])


@pytest.mark.parametrize('module', ['numpy.core.multiarray', 'numpy._core.multiarray'])
def test_both_spellings_of_numpy_are_read(tmp_path, monkeypatch, module):
    torch.save(np.ones(3), tmp_path / 'here.pth', _use_new_zipfile_serialization=False)
    data = (tmp_path / 'here.pth').read_bytes()
    assert b'c' + np.ndarray.__reduce__(np.ones(1))[0].__module__.encode() + b'\n' in data
    for other in (b'numpy.core.multiarray', b'numpy._core.multiarray'):
        data = data.replace(b'c' + other + b'\n', b'c' + module.encode() + b'\n')
    (tmp_path / 'there.pth').write_bytes(data)
    np.testing.assert_array_equal(load_checkpoint(tmp_path / 'there.pth'), np.ones(3))


def test_tensors_keep_type_and_sharing(tmp_path):
    weight = torch.randn(2, 3)
    state = dict(a=weight, b=weight, c=torch.randn(2).bfloat16(), d=nn.Parameter(torch.ones(1)),
                 e=torch.arange(3))
    torch.save(state, tmp_path / 'a.pth')
    loaded = load_checkpoint(tmp_path / 'a.pth')
    for key, value in state.items():
        assert loaded[key].dtype == value.dtype and torch.equal(loaded[key], value)
    assert loaded['a'].data_ptr() == loaded['b'].data_ptr()


@pytest.mark.parametrize('payload, name', [
    (lambda mark: Call(os.system, f'touch {mark}'), r'(posix|os)\.system'),
    (lambda mark: Call(eval, f'open({str(mark)!r}, "w")'), r'(builtins\.)?eval'),
    (lambda mark: Call(pathlib.Path.touch, mark), r'(builtins\.getattr|pathlib\.Path)'),
    (lambda mark: Attribute(HistoryBuffer, '__init__'), r'builtins\.getattr'),
    (lambda mark: Attribute(np.ndarray, 'tofile'), r'builtins\.getattr'),
    (lambda mark: nn.Linear(1, 1), r'torch\.nn\.modules\.linear\.Linear'),
])
def test_code_is_refused_by_name_and_never_run(tmp_path, payload, name):
    mark, file = tmp_path / 'executed', tmp_path / 'evil.pth'
    torch.save(dict(state_dict={}, meta=payload(mark)), file)
    with pytest.raises(ValueError, match=rf'evil\.pth was not loaded: it asks for {name}'):
        load_checkpoint(file)
    assert not mark.exists()


def test_allow_list_does_not_leak(tmp_path):
    torch.save(HistoryBuffer([1.0], [1]), tmp_path / 'a.pth')
    load_checkpoint(tmp_path / 'a.pth')
    with pytest.raises(pickle.UnpicklingError, match='HistoryBuffer'):
        torch.load(tmp_path / 'a.pth', weights_only=True)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no such checkpoint: .*nothing\.pth'):
        load_checkpoint(tmp_path / 'nothing.pth')


@pytest.mark.parametrize('cut', [0, 1, 300, 0.5, 0.99])
@pytest.mark.parametrize('zipped', [True, False])
def test_truncated_file_gives_a_sentence(tmp_path, cut, zipped):
    file = tmp_path / 'epoch_9.pth'
    torch.save(dict(state_dict=dict(weight=torch.randn(100, 100))), file,
               _use_new_zipfile_serialization=zipped)
    data = file.read_bytes()
    file.write_bytes(data[:int(cut * len(data)) if isinstance(cut, float) else cut])
    with pytest.raises(ValueError, match=r'epoch_9\.pth \(\d+ bytes\) is not a readable') as error:
        load_checkpoint(file)
    assert '\n' not in str(error.value)
    # One sentence of the library's, and ours.
    assert str(error.value).count('. ') == 1 and '..' not in str(error.value)


def test_old_format_cut_anywhere_is_called_broken(tmp_path):
    file = tmp_path / 'a.pth'
    torch.save(dict(b=torch.zeros(1)), file, _use_new_zipfile_serialization=False)
    data = file.read_bytes()
    for cut in range(len(data)):
        file.write_bytes(data[:cut])
        with pytest.raises(ValueError, match='is not a readable checkpoint') as error:
            load_checkpoint(file)
        assert '\n' not in str(error.value)


@pytest.mark.parametrize('text', ['version https://git-lfs.github.com/spec/v1\noid', '<!DOCTYPE'])
def test_file_that_is_none_gives_a_sentence(tmp_path, text):
    (tmp_path / 'a.pth').write_text(text)
    with pytest.raises(ValueError, match='is not a readable checkpoint'):
        load_checkpoint(tmp_path / 'a.pth')


def test_url_is_read_with_the_same_care(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    torch.save(dict(loss=HistoryBuffer([2.0], [1])), tmp_path / 'good.pth')
    torch.save(Call(os.system, f'touch {tmp_path}/executed'), tmp_path / 'evil.pth')
    handler = partial(QuietHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f'http://127.0.0.1:{server.server_port}'
        loaded = CheckpointLoader.load_checkpoint(f'{url}/good.pth')
        assert loaded['loss'].mean() == 2.0
        with pytest.raises(ValueError, match=r'evil\.pth was not loaded: .*\.system'):
            CheckpointLoader.load_checkpoint(f'{url}/evil.pth')
    finally:
        server.shutdown()
    assert not (tmp_path / 'executed').exists()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_interrupted_save_keeps_the_old_file(tmp_path):
    file = tmp_path / 'runs' / 'latest.pth'
    save_checkpoint_atomic(dict(epoch=1), file)
    with pytest.raises((AttributeError, TypeError, RuntimeError, ValueError)):
        save_checkpoint_atomic(dict(epoch=2, broken=lambda: None), file)
    assert load_checkpoint(file) == dict(epoch=1)
    assert [path.name for path in file.parent.iterdir()] == ['latest.pth']


def test_without_guest_drops_the_neck_alone():
    state = collections.OrderedDict([('backbone.neck.w', 1), ('neck.a', 2), ('cls_head.fc', 3),
                                     ('necks.b', 4), ('neck.c.d', 5)])
    state._metadata = dict(version=2)
    kept = without_guest(state)
    assert list(kept.items()) == [('backbone.neck.w', 1), ('cls_head.fc', 3), ('necks.b', 4)]
    assert kept._metadata == dict(version=2)
    assert len(state) == 5
