from .cocodiff_head import CoCoDiffHead

__all__ = ['CoCoDiffHead']
