import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = ('configs', 'tools', 'model-index.yml')


class BuildWithConfigs(build_py):
    """Puts configs and tools into ``cocodiff_mm/.mim``, where OpenMMLab's tools look for them."""

    def run(self) -> None:
        super().run()
        mim = Path(ROOT if self.editable_mode else self.build_lib, 'cocodiff_mm', '.mim')
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for source in (ROOT / name for name in SHIPPED):
            target = mim / source.name
            if self.editable_mode:
                target.symlink_to(os.path.relpath(source, mim))
            elif source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy2(source, target)


setup(cmdclass=dict(build_py=BuildWithConfigs))
