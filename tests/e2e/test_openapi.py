"""The OpenAPI document is true: whatever schemathesis makes of it gets a documented answer, never a 5xx."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, command, environment

pytestmark = pytest.mark.e2e
CONFIG = Path(__file__).with_name("schemathesis.toml")
N_CASES = 2000


def test_thousands_of_made_up_requests_get_documented_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server:
        tool = [Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run", f"{server.url}/openapi.json"]
        options = ["--max-examples", "15", "--seed", "1", "--continue-on-failure", "--no-shrink", "--report-json-path", report]
        done = subprocess.run([*tool, *options], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment())
    found = json.loads(report.read_text())
    with capsys.disabled():
        sys.stdout.write(f"\nschemathesis: {found['test_cases']} over {found['operations']['tested']} operations\n")
    assert (found["failures"], found["errors"], found["complete"]) == ([], [], True), done.stdout
    assert found["operations"]["tested"] == found["operations"]["total"]
    assert found["test_cases"]["generated"] >= N_CASES
