from .augmentation_seed_hook import AugmentationSeedHook
from .recipe_check_hook import RecipeCheckHook
from .two_stage_runner import TwoStageRunner

__all__ = ['AugmentationSeedHook', 'RecipeCheckHook', 'TwoStageRunner']
