from .autocast_optim_wrapper import AutocastOptimWrapper
from .hooks import RecipeCheckHook, TwoStageRunner

__all__ = ['AutocastOptimWrapper', 'RecipeCheckHook', 'TwoStageRunner']
