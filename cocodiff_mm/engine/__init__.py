from .autocast_optim_wrapper import AutocastOptimWrapper
from .hooks import AugmentationSeedHook, RecipeCheckHook, TwoStageRunner

__all__ = ['AugmentationSeedHook', 'AutocastOptimWrapper', 'RecipeCheckHook', 'TwoStageRunner']
