from .cocodiff_recognizer import CoCoDiffRecognizer

__all__ = ['CoCoDiffRecognizer']
