"""Text of the action classes: corpora as written, banks that training reads.

What only making them needs is in ``encoders``, ``generation`` and ``review``.
"""

from .bank import TextBank
from .class_text import JOINT_NAMES, PARTS, ClassText, JointText
from .corpus import Corpus, Prompt, Provenance, read_labels
from .rules import Problem, class_problems, find_problems

__all__ = ['JOINT_NAMES', 'PARTS', 'ClassText', 'Corpus', 'JointText', 'Problem', 'Prompt',
           'Provenance', 'TextBank', 'class_problems', 'find_problems', 'read_labels']
