from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import uvloop.loop

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


def shrink(folder: Path) -> str:
    return subprocess.run([sys.executable, DEPLOY / "shrink.py", folder], capture_output=True, text=True, check=True).stdout


def test_a_library_is_smaller_and_still_loads(tmp_path):
    whole = Path(uvloop.loop.__file__)
    shutil.copy(whole, tmp_path / whole.name)
    assert shrink(tmp_path) != "0 MB less\n"
    assert (tmp_path / whole.name).stat().st_size < whole.stat().st_size
    load = f"import sys, importlib.util as u; s = u.spec_from_file_location('uvloop.loop', {str(tmp_path / whole.name)!r})"
    program = f"import uvloop, asyncio; {load}; m = u.module_from_spec(s); s.loader.exec_module(m); m.Loop().close()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_no_library_stays_as_it_is(tmp_path):
    content = b"not a library" * 10_000
    (tmp_path / "text.so").write_bytes(content)
    assert shrink(tmp_path) == "0 MB less\n"
    assert (tmp_path / "text.so").read_bytes() == content


def test_a_second_time_nothing_is_left_to_cut(tmp_path):
    source = importlib.util.find_spec("uvloop.loop")
    assert source is not None
    assert source.origin is not None
    shutil.copy(source.origin, tmp_path)
    shrink(tmp_path)
    assert shrink(tmp_path) == "0 MB less\n"
