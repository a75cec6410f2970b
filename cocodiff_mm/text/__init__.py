"""Text of the action classes: corpora as written, text encoders, banks that training reads."""

from .bank import TextBank
from .corpus import ClassText, Corpus
from .encoders import SentenceEncoder, build_bank

__all__ = ['ClassText', 'Corpus', 'SentenceEncoder', 'TextBank', 'build_bank']
