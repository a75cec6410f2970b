import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

import cocodiff_mm  # noqa: F401  (first: mmaction.models cannot be imported without it)


@pytest.fixture(scope='session', autouse=True)
def one_thread() -> None:
    """Small tensors are slower on many threads, and sums then depend on their number."""
    torch.set_num_threads(1)
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # and so do the programs that tests start


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same numbers, alone or in any order."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def mmaction_scope() -> None:
    """Names without a scope are MMAction2's, as in every recipe."""
    init_default_scope('mmaction')


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]
