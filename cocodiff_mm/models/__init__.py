# Importing registers. `diffusion` is left out on purpose: the neck imports it when it is built,
# so that a process that only tests never loads it.
from . import backbones, heads, losses, necks, recognizers

__all__ = ['backbones', 'heads', 'losses', 'necks', 'recognizers']
