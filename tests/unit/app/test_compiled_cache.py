"""What was compiled is thrown away when anything it is made of changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_CALLED = "from app.index.kernels import compiled\n@compiled\ndef part(a):\n    return a + {added}\n"
_CALLING = "from app.index.kernels import compiled\nfrom called import part\n@compiled\ndef whole(a):\n    return part(a)\n"
_ASK = "from calling import whole; whole(1); print(whole(1), sum(whole.stats.cache_hits.values()))"


def test_a_change_in_what_a_compiled_function_calls_compiles_it_anew(tmp_path: Path) -> None:
    (tmp_path / "calling.py").write_text(_CALLING)
    for added, hits in ((1, 0), (1, 1), (2, 0)):
        (tmp_path / "called.py").write_text(_CALLED.format(added=added))
        assert _asked(tmp_path) == f"{1 + added} {hits}"


def _asked(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{_ASK}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
