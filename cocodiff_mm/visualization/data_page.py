"""One page that shows what a check of a data set found."""

import html
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.inspection.check_clips import SHORT
from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.finding import LEVELS, NOTE, OK, PROBLEM, Finding, Verdict
from cocodiff_mm.datasets.inspection.inspector import Inspection
from cocodiff_mm.utils.files import replace_file
from cocodiff_mm.visualization.data_charts import draw_classes, draw_lengths
from cocodiff_mm.visualization.skeleton_sheet import Strip, draw_sheet, save_figure

ROWS_PER_PAGE = 30
_FEW_PROTOCOLS = 6
_COLORS = {OK: '#2e7d32', NOTE: '#b26a00', PROBLEM: '#c62828'}
_PAGE = '''<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 2em auto }}
img {{ width: 100%; max-width: 975px; display: block }}
td {{ padding: .3em .8em .3em 0; vertical-align: top }}
.advice {{ color: #555 }}
.verdict {{ padding: .8em 1em; color: white; font-size: 1.15em; border-radius: 6px }}
</style></head><body>
<h1>{title}</h1>
<p class="verdict" style="background: {color}">{verdict}</p>
<table>
{rows}
</table>
{pictures}
</body></html>
'''


def write_page(folder: Path, title: str, verdict: Verdict, findings: list[Finding],
               inspection: Inspection) -> Path:
    """Write ``index.html`` and its pictures.

    Args:
        folder (Path): Where; made if missing.
        title (str): Heading.
        verdict (Verdict): The answer.
        findings (list[Finding]): What it rests on.
        inspection (Inspection): What to draw.

    Returns:
        Path: The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sections = _draw(folder, inspection)
    kept = {name for _, names in sections for name in names}
    for old in folder.glob('*.png'):
        if old.name.startswith(('sheet_', 'classes', 'lengths')) and old.name not in kept:
            old.unlink()
    worst_first = sorted(findings, key=lambda finding: -LEVELS.index(finding.level))
    page = folder / 'index.html'
    with replace_file(page) as temporary:
        temporary.write_text(_PAGE.format(
            title=html.escape(title), verdict=html.escape(verdict.text),
            color=_COLORS[OK if verdict.ready else PROBLEM],
            rows='\n'.join(map(_row, worst_first)),
            pictures='\n'.join(_section(*section) for section in sections)), encoding='utf-8')
    return page


def typical_clips(inspection: Inspection, store: int) -> list[int | None]:
    """A clip of each class: of median length among those with the usual number of persons.

    Args:
        inspection (Inspection): The data.
        store (int): Position of the store in the pool.

    Returns:
        list[int | None]: Indices into the pool in label order; None for a class without poses.
    """
    pool, table = inspection.pool, inspection.table
    clips, found = pool.clips, []
    usable = (table['joints'] > 0) & (table['nonfinite'] == 0) & (pool.store_of == store)
    for label in range(len(pool.stores[store].classes)):
        members = np.flatnonzero((clips['label'] == label) & usable)
        if not len(members):
            found.append(None)
            continue
        persons = clips['persons'][members]
        members = members[persons == np.bincount(persons).argmax()]
        order = np.argsort(clips['frames'][members], kind='stable')
        found.append(int(members[order[len(order) // 2]]))
    return found


def _draw(folder: Path, inspection: Inspection) -> list[tuple[str, list[str]]]:
    pool, protocols = inspection.pool, inspection.protocols[:_FEW_PROTOCOLS]
    sections = [('One clip of each class, of median length', _draw_sheets(folder, inspection))]
    clips = pool.clips
    if protocols:
        labels = {p.name: {name: clips['label'][members] for name, members in p.splits.items()}
                  for p in protocols}
        save_figure(draw_classes(labels, pool.classes), folder / 'classes.png')
        sections.append(('Clips by class', ['classes.png']))
    splits = protocols[0].splits if len(protocols) == 1 else {'all': np.arange(len(pool))}
    lengths = {name: clips['frames'][members] for name, members in splits.items()}
    save_figure(draw_lengths(lengths, SHORT), folder / 'lengths.png')
    return [*sections, ('Clips by length', ['lengths.png'])]


def _draw_sheets(folder: Path, inspection: Inspection) -> list[str]:
    pool, pages = inspection.pool, []
    for position, store in enumerate(pool.stores):
        chosen = typical_clips(inspection, position)
        for start in range(0, len(chosen), ROWS_PER_PAGE):
            strips = [_strip(pool, label, store.classes[label], chosen[label])
                      for label in range(start, min(start + ROWS_PER_PAGE, len(chosen)))]
            heading = f'{store.meta["name"]}, classes {start} to {start + len(strips) - 1}'
            pages.append(f'sheet_{len(pages):02d}.png')
            save_figure(draw_sheet(strips, store.layout, heading), folder / pages[-1])
    return pages


def _strip(pool: ClipPool, label: int, name: str, clip: int | None) -> Strip:
    if clip is None:
        return Strip(f'{label} {name}', None)
    return Strip(f'{label} {name}', pool.keypoint(clip),
                 f'{pool.name(clip)}, {pool.clips["frames"][clip]} frames')


def _row(finding: Finding) -> str:
    advice = f'<br><span class="advice">{html.escape(finding.advice)}</span>' \
        if finding.advice else ''
    text = html.escape(finding.sentence) + advice
    return (f'<tr><td style="color: {_COLORS[finding.level]}"><b>{finding.level}</b></td>'
            f'<td>{html.escape(finding.topic)}</td><td>{text}</td></tr>')


def _section(title: str, names: list[str]) -> str:
    pictures = '\n'.join(f'<img src="{name}" alt="{html.escape(title)}">' for name in names)
    return f'<h2>{html.escape(title)}</h2>\n{pictures}'
