import json
import subprocess
import sys


def test_a_quick_run(repo_root, tmp_path):
    done = subprocess.run(
        [sys.executable, str(repo_root / 'benchmarks' / 'data_loading.py'), '--quick',
         '--folder', str(tmp_path), '--out', str(tmp_path / 'figures.json')],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert figures['speed']['MMAction2']['ratio'] == 1
    assert figures['speed']['official']['ratio'] > 5 and figures['speed']['pyskl']['ratio'] > 3
    for kind in ('store', 'pickle'):
        found = figures['memory'][kind]
        assert 0.008 < found['gigabytes'] < 0.012 and found['build_seconds'] > 0
        for who in ('rank', 'worker'):
            assert set(found[who]) == {'RSS', 'PSS', 'USS'}
    # Pages that a process maps but shares are in RSS, so the index and 8 MB of clips at most.
    assert figures['memory']['store']['rank']['RSS'] < 30
    assert figures['opening']['clips'] == 2 * figures['opening']['selected'] == 1000
    for part in ('samples per second', 'added per rank', 'added per worker', 'opening 1000 clips'):
        assert part in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ['figures.json']
