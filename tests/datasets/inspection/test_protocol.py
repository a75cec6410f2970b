import numpy as np
from standing_people import people_store

from cocodiff_mm.datasets.inspection.protocol import Protocol, store_protocols


def test_pairs_of_splits_are_found(tmp_path):
    store = people_store(tmp_path / 'store', splits=lambda names: dict(
        xview_train=names[:4], xview_val=names[4:9], fold1_test=names[:2], fold1_val=names[1:3],
        fold1_train=names[9:], train=names[:3], val=names[3:], lonely_train=names, rest=names))
    protocols = {protocol.name: protocol for protocol in store_protocols(store)}
    assert list(protocols) == ['xview', 'fold1', 'train']
    assert protocols['xview'].train.tolist() == [0, 1, 2, 3]
    assert protocols['xview'].test.tolist() == [4, 5, 6, 7, 8]
    assert list(protocols['fold1'].splits) == ['fold1_train', 'fold1_val', 'fold1_test']
    assert protocols['fold1'].test.tolist() == [0, 1, 2]
    assert list(protocols['train'].splits) == ['train', 'val']


def test_what_a_protocol_keeps_apart():
    def apart(name):
        return Protocol(name, np.array([0]), {}, f'{name}_train').apart

    assert apart('xsub') == ('subject', 'subject') and apart('xview_clean')[0] == 'camera'
    assert apart('xset')[0] == 'setup' and apart('fold1') is None and apart('train') is None
