"""Text encoders, needed only to make a bank; importing them registers them and loads no model."""

from .build import LongText, build_bank, long_texts
from .open_clip_text_encoder import OpenCLIPTextEncoder
from .sentence_encoder import SentenceEncoder
from .text_encoder import TextEncoder, check_device

__all__ = ['LongText', 'OpenCLIPTextEncoder', 'SentenceEncoder', 'TextEncoder', 'build_bank',
           'check_device', 'long_texts']
