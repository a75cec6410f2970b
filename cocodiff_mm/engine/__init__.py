from .autocast_optim_wrapper import AutocastOptimWrapper
from .hooks import TwoStageRunner

__all__ = ['AutocastOptimWrapper', 'TwoStageRunner']
