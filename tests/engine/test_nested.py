import random

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger

from cocodiff_mm.engine.nested import isolated_run


def draw():
    return torch.rand(1).item(), np.random.rand(), random.random()


def test_random_state_and_current_instances_come_back():
    outer = MMLogger.get_instance('outer'), MessageHub.get_instance('outer')
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    expected = draw()
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])
    with isolated_run():
        torch.manual_seed(5), np.random.seed(5), random.seed(5)
        assert MMLogger.get_instance('inner') is MMLogger.get_current_instance()
        MessageHub.get_instance('inner').update_scalar('loss', 1.0)
        draw()
    assert draw() == expected
    assert (MMLogger.get_current_instance(), MessageHub.get_current_instance()) == outer
    assert not MessageHub.check_instance_created('inner')


def test_also_when_the_inner_run_fails():
    outer = MMLogger.get_instance('outer2')
    with pytest.raises(RuntimeError), isolated_run():
        MMLogger.get_instance('inner2')
        raise RuntimeError
    assert MMLogger.get_current_instance() is outer
