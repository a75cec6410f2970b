from .recipe_check_hook import RecipeCheckHook
from .two_stage_runner import TwoStageRunner

__all__ = ['RecipeCheckHook', 'TwoStageRunner']
