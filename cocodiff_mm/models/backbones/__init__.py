from .blockgcn import BlockGCN
from .ctrgcn import CTRGCN

__all__ = ['BlockGCN', 'CTRGCN']
