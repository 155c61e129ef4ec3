"""Many pictures, an ingest that is broken off three times.

BITLENS_TEST_PICTURES=10000 python -m pytest -s tests/slow/test_ingest.py is the figure of docs/ingest.md, and tells the rate.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.e2e.processes import ServerProcess, command
from tests.ingest_kills import check_all_are_there_once, ingest_broken_off, make_pictures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
N = int(os.environ.get("BITLENS_TEST_PICTURES", "2000"))


def test_many_pictures_are_there_once_each_after_three_kills(tmp_path):
    make_pictures(tmp_path / "pictures", N)
    with ServerProcess(command("tests.e2e.fake_server", "--data-dir", tmp_path / "data"), tmp_path / "log") as server:
        done = ingest_broken_off(tmp_path / "pictures", server, N, tmp_path / "log")
        assert done.statuses == [-9, 130, -9, 0]
        assert (done.last["n_done"], done.last["n_failed"]) == (N, 0)
        check_all_are_there_once(server.url, tmp_path / "pictures", N)
    rate = f"{N} pictures in {done.seconds:.0f} s of four runs, {N / done.seconds:.0f} items/s"
    sys.stdout.write(f"\n{rate}; held when broken off: {done.held}; the last run: {done.last}\n")
