from .check_agreement import check_axes, check_classes, check_persons, check_skeleton
from .expectation import Expectation, Reading, read_recipe
from .finding import Finding, Verdict, format_findings, judge
from .inspector import Inspection, inspect_clips
from .opening import Opened, open_recipe, open_store, verify

__all__ = [
    'Expectation', 'Finding', 'Inspection', 'Opened', 'Reading', 'Verdict', 'check_axes',
    'check_classes', 'check_persons', 'check_skeleton', 'format_findings', 'inspect_clips',
    'judge', 'open_recipe', 'open_store', 'read_recipe', 'verify',
]
