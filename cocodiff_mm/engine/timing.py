import json
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from cocodiff_mm.utils.files import replace_file

TIMES_FILE = 'stage_times.json'


def record_stage(runner: Runner, stage: str, seconds: float) -> None:
    """Log how long a stage took and add it to ``work_dir/stage_times.json``.

    Args:
        runner (Runner): Its work dir and logger are used.
        stage (str): Name of the stage.
        seconds (float): Wall time, added to what earlier parts of a resumed run recorded; a part
            that was killed in the middle of a stage has recorded nothing of it.
    """
    runner.logger.info(f'{stage}: {seconds:.1f} s')
    if is_main_process():
        times = read_stages(runner.work_dir)
        times[stage] = times.get(stage, 0.0) + seconds
        with replace_file(Path(runner.work_dir) / TIMES_FILE) as temporary:
            temporary.write_text(json.dumps(times, indent=1))


def read_stages(work_dir: str | Path) -> dict[str, float]:
    """Seconds per stage of a run, empty if none is recorded."""
    path = Path(work_dir) / TIMES_FILE
    return json.loads(path.read_text()) if path.is_file() else {}


def forget_run(runner: Runner) -> None:
    """A run that starts anew counts from zero; no earlier one in its folder can be resumed."""
    if is_main_process():
        for name in (TIMES_FILE, 'last_checkpoint'):
            (Path(runner.work_dir) / name).unlink(missing_ok=True)
