import re

import numpy as np
import pytest
from PIL import Image
from standing_people import changed, people_store

from cocodiff_mm.datasets.inspection import Finding, Verdict, inspect_clips, open_store
from cocodiff_mm.visualization.data_page import typical_clips, write_page


def inspect(store):
    return inspect_clips([store], open_store(store.path).protocols)


def test_a_typical_clip_has_the_usual_length_and_persons(tmp_path):
    def plant(clips):
        for i in (1, 11):
            clips = changed(clips, i, keypoint=np.repeat(clips[i].keypoint, 2, axis=0))
        for i in range(2, 50, 10):
            clips = changed(clips, i, keypoint=np.repeat(clips[i].keypoint[:, :1], i, axis=1))
        for i in range(3, 50, 10):
            clips = changed(clips, i, keypoint=0 * clips[i].keypoint)
        return clips
    inspection = inspect(people_store(tmp_path / 'store', plant, per_class=5))
    chosen, clips = typical_clips(inspection, 0), inspection.pool.clips
    assert chosen[2] == 22 and chosen[3] is None
    assert chosen[1] % 10 == 1 and clips['persons'][chosen[1]] == 1
    for label in (0, 4, 9):
        frames = clips['frames'][label::10]
        assert clips['frames'][chosen[label]] == np.median(frames)


@pytest.mark.parametrize('classes, pages', [(10, 1), (45, 2)])
def test_a_page_with_its_pictures(tmp_path, classes, pages):
    store = people_store(tmp_path / 'store', classes=tuple(f'class {i}' for i in range(classes)))
    findings = [Finding('OK', 'first', 'fine'), Finding('PROBLEM', 'last', '1 < 2', 'do <this>')]
    folder = tmp_path / 'out' / 'deep'
    folder.mkdir(parents=True)
    (folder / 'sheet_09.png').touch()  # of an earlier, larger data set
    (folder / 'holiday.png').touch()
    page = write_page(folder, 'Check of <store>', Verdict(False, 'Do not & never'), findings,
                      inspect(store))
    text = page.read_text()
    assert page == folder / 'index.html' and 'Check of &lt;store&gt;' in text
    assert 'Do not &amp; never' in text and '1 &lt; 2' in text and 'do &lt;this&gt;' in text
    assert text.index('1 &lt; 2') < text.index('fine')
    names = re.findall('src="(.*?)"', text)
    assert names == [*(f'sheet_{i:02d}.png' for i in range(pages)), 'classes.png', 'lengths.png']
    assert sorted(p.name for p in folder.iterdir()) == sorted([*names, 'index.html',
                                                               'holiday.png'])
    heights = [Image.open(folder / name).size[1] for name in names[:pages]]
    assert heights == [50 + 100 * rows for rows in (([10], [30, 15])[pages - 1])]


def test_two_stores_are_drawn(tmp_path):
    stores = [people_store(tmp_path / 'a'), people_store(tmp_path / 'b', per_class=2)]
    page = write_page(tmp_path / 'out', 'both', Verdict(True, 'Ready'), [],
                      inspect_clips(stores, []))
    assert re.findall('src="(.*?)"', page.read_text()) == [
        'sheet_00.png', 'sheet_01.png', 'lengths.png']
