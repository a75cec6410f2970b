import json

from cocodiff_mm.datasets.converters.report import Report


def full_report():
    report = Report('ntu60', clips=7, frames=70, remarks=['a guess'],
                    splits=dict(xsub_train=4, xsub_val=3, own=1),
                    published=dict(xsub_train=4, xsub_val=5, xview_train=9))
    report.add_skipped({'known to be empty': [f'n{i}' for i in range(9)], 'blank': ['m']})
    report.add_bad('x', 'x.txt is empty')
    report.add_bad('y', 'y.txt is cut short')
    for i in range(5):
        report.add_notes(f'clip {i}', [f'{i} frames mended'])
    return report


def test_the_text_says_all():
    assert full_report().text() == '''\
ntu60: 7 clips, 70 frames
a guess
Splits:
  xsub_train                 4  as published
  xsub_val                   3  published: 5 (-2)
  own                        1
Left out on purpose, known to be empty: 9 (n0, n1, n2, ...)
Left out on purpose, blank: 1 (m)
Repaired, N frames mended: 5 clips, e.g.
  clip 0: 0 frames mended
  clip 1: 1 frames mended
  clip 2: 2 frames mended
Bad clips: 2
  x.txt is empty
  y.txt is cut short'''


def test_the_screen_gets_the_first_bad_ones():
    assert full_report().text(1).endswith('Bad clips: 2\n  x.txt is empty\n  and 1 more')
    assert Report('a').text().endswith('Bad clips: none')


def test_what_only_this_run_is_about_is_not_kept():
    report = full_report()
    kept = json.dumps(report.to_dict())
    report.taken_up, report.seconds, report.members = 3, 1.5, dict(own=['x'])
    assert json.dumps(report.to_dict()) == kept
    assert json.loads(kept)['bad'][1] == dict(name='y', reason='y.txt is cut short')
    assert json.loads(kept)['repaired']['N frames mended']['clips'] == 5


def test_names_that_are_no_text_are_spelled_out():
    report = Report('a')
    report.add_bad('\udcff', 'ö\udcff: bad')
    report.add_skipped(dict(blank=['\udcff']))
    assert report.text().encode().decode().endswith('ö\\udcff: bad')
    assert report.skipped == dict(blank=['\\udcff'])
