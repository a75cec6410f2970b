import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_stamps import clip_stamps
from cocodiff_mm.datasets.converters.note_journal import NoteJournal
from cocodiff_mm.datasets.converters.pre_normalize import body_units, pre_normalizer
from cocodiff_mm.datasets.converters.report import Report
from cocodiff_mm.datasets.converters.source import ClipKey, Source, file_of
from cocodiff_mm.datasets.converters.workers import read_clips
from cocodiff_mm.datasets.published import published_splits
from cocodiff_mm.datasets.store_writer import StoreWriter
from cocodiff_mm.utils.files import replace_file
from cocodiff_mm.utils.progress_bar import ProgressBar

_FLUSH_SECONDS = 10.0
_KEYS = ('label', 'subject', 'camera', 'setup', 'replication')


class TooManyBadClips(ValueError):
    """More clips are bad than are tolerated, so no store was made.

    Args:
        message (str): A sentence.
        report (Report): What was found.
    """

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


def convert(source: Source,
            path: str | Path,
            processes: int | None = None,
            tolerate: int = 0,
            overwrite: bool = False,
            pre_normalize: bool = False,
            dtype: str | None = None,
            show: bool = False) -> Report:
    """Make a store of a source.

    The store appears whole at the end and does not depend on the number of processes. Until then
    it grows in ``.NAME.partial`` beside it, and a conversion that was interrupted in any way goes
    on from there when it is started again: after the last clip before which nothing changed in the
    source. Clips that were bad are read once more then; those that were mended meanwhile come last.
    Should there be more bad clips than are tolerated, all of them
    are listed in ``NAME.report.txt`` beside the store, and a run that tolerates them only has to
    finish.

    Args:
        source (Source): What is converted.
        path (str | Path): Folder of the store to be.
        processes (int, optional): How many processes read clips; as many as there are cores by
            default.
        tolerate (int): How many bad clips are left out without failing. Defaults to 0.
        overwrite (bool): Whether a store at ``path`` may be replaced. Defaults to False.
        pre_normalize (bool): Whether 3-D joints are put into the axes of the body now rather than
            each time they are read. Defaults to False.
        dtype (str, optional): ``'float32'`` or ``'float16'``; as the source says by default.
        show (bool): Whether progress is shown on stderr. Defaults to False.

    Returns:
        Report: What was found; ``meta.json`` has it as ``report``.

    Raises:
        FileExistsError: If there is something at ``path`` that may not be replaced.
        FileNotFoundError: If the source is not there.
        ValueError: If the source is of another kind or an option does not fit it.
        OSError: If the disk refuses.
        TooManyBadClips: If more clips are bad than ``tolerate``.
        WorkerDied: If a reading process was killed.
    """
    path, info = Path(path).expanduser(), _info_of(source.info, dtype, pre_normalize)
    prepare = pre_normalizer(info) if pre_normalize else None
    report = Report(info.name)
    items = _without_doubles(source.items(), report)
    with StoreWriter(path, info, overwrite, clip_stamps(source, items)) as writer:
        todo = [item for item in items if item[0] not in writer.done]
        report.taken_up, report.forgotten = len(items) - len(todo), writer.forgotten
        started = time.monotonic()
        clips = read_clips(source, todo, processes or available_cores(), prepare)
        with closing(clips), closing(ProgressBar(len(items), show)) as progress, \
                closing(NoteJournal(writer.partial / 'notes.jsonl')) as notes:
            _fill(writer, notes, clips, report, progress)
        _complete(report, writer, notes, source)
        report.seconds = time.monotonic() - started
        _refuse_too_many(report, path, tolerate)
        writer.finish(report.members, extra=dict(report=report.to_dict()))
    failure_report_path(path).unlink(missing_ok=True)
    return report


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def failure_report_path(path: str | Path) -> Path:
    """Where the bad clips of a failed conversion are listed."""
    path = Path(path).expanduser()
    return path.with_name(f'{path.name}.report.txt')


def _info_of(info: StoreInfo, dtype: str | None, pre_normalize: bool) -> StoreInfo:
    info = replace(info, dtype=dtype or info.dtype)
    if not pre_normalize:
        return info
    return replace(info, units=body_units(info.units),
                   options=dict(info.options, pre_normalized=True))


def _without_doubles(items: list[tuple[str, Any]], report: Report) -> list[tuple[str, Any]]:
    first: dict[str, Any] = {}
    for name, handle in items:
        if name in first:
            files = file_of(handle), file_of(first[name])
            where = f', in {files[0]}; the first is in {files[1]}' if all(files) else ''
            report.add_bad(name, f'{name}: a second clip of this name{where}')
        else:
            first[name] = handle
    return list(first.items())


def _fill(writer: StoreWriter, notes: NoteJournal, clips: Iterator[tuple[str, Any, Clip | str]],
          report: Report, progress: ProgressBar) -> None:
    """Write clips, and put the bad ones into the report."""
    flushed = time.monotonic()
    for done, (name, handle, clip) in enumerate(clips, report.taken_up + 1):
        reason = clip if isinstance(clip, str) else _add(writer, notes, clip, handle)
        if reason is not None:
            report.add_bad(name, reason)
        if time.monotonic() - flushed > _FLUSH_SECONDS:
            writer.flush()
            flushed = time.monotonic()
        progress.update(done)


def _add(writer: StoreWriter, notes: NoteJournal, clip: Clip, handle: Any) -> str | None:
    """Write a clip, or say why it can't be."""
    if not clip.name.isprintable():
        return f'{file_of(handle) or clip.name}: its name is not plain text; rename it'
    # Notes of an earlier reading do not hold for a clip that changed.
    if clip.notes or clip.name in notes.notes:
        notes.add(clip.name, clip.notes)
    try:
        writer.add(clip)
    except ValueError as error:
        file = file_of(handle)
        return str(error) if file is None else f'{file}, {error}'
    return None


def _complete(report: Report, writer: StoreWriter, notes: NoteJournal, source: Source) -> None:
    """What is known once all clips are through."""
    report.clips = len(writer.done)
    report.frames = sum(record['frames'] for record in writer.done.values())
    for name in writer.done:
        report.add_notes(name, notes.notes.get(name, ()))
    report.members = source.splits([
        ClipKey(name, **{key: record[key] for key in _KEYS})
        for name, record in writer.done.items()])
    report.splits = {split: sum(name in writer.done for name in set(members))
                     for split, members in report.members.items()}
    report.published = published_splits(writer.info.name, writer.info.layout)
    report.add_skipped(source.skipped())
    report.remarks = source.remarks()


def _refuse_too_many(report: Report, path: Path, tolerate: int) -> None:
    bad = len(report.bad)
    if bad <= tolerate:
        return
    listed = failure_report_path(path)
    with replace_file(listed) as temporary:
        temporary.write_text(report.text() + '\n', encoding='utf-8')
    raise TooManyBadClips(
        f'{bad} of {bad + report.clips} clips can not be used and {tolerate} are tolerated, so no '
        f'store was made. {listed} lists them; mend them, or leave them out with --tolerate {bad}: '
        'the same command only reads the bad ones again', report)
