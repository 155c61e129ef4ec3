"""Runs all scripts one after another and writes the page on speed; or a quick check of the ratios alone.

    python -m bench [--size check|bench|large] [--only NAME ...] [--data DIR] [--out DIR] [--write docs/performance.md]
    python -m bench --size check --check

Each script is a process of its own whose libraries have one thread each. One that fails is told, and the others go on. A ratio
fails the check if it is below its bound twice.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from bench.grid_command import exit_code, tell
from bench.machine import environment
from bench.methods_table import put_between_marks
from bench.performance_page import Found, all_of, page, read_results
from bench.result import OUT, SIZES
from bench.targets import regressions

SCRIPTS = ("limits", "search", "race", "encode", "serve", "index", "startup", "train", "evaluate")
"""In the order of the page; each is ``python -m bench.NAME --size S --out DIR``."""
CHECKED = ("search", "encode", "serve", "train", "evaluate")
"""Those that measure a ratio with a bound."""
ON_DATA = ("search", "encode", "serve")
"""Those that can be given a data set."""
TIMEOUT_S = {"check": 90, "bench": 600, "large": 7200}
_MARKS = "performance"


def run_script(name: str, size: str, out: Path, data: Path | None = None) -> str:
    """Runs one script.

    Args:
        name: Of the script.
        size: One of :data:`bench.result.SIZES`.
        out: Folder of results; what it held of this script is removed first.
        data: Folder of a data set for those of :data:`ON_DATA`.

    Returns:
        Why it failed, or nothing.
    """
    (out / f"{name}.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", f"bench.{name}", "--size", size, "--out", str(out)]
    command += ["--data", str(data)] if data is not None and name in ON_DATA else []
    started = perf_counter()
    try:
        ended = subprocess.run(command, env=environment(1), capture_output=True, text=True, timeout=TIMEOUT_S[size], check=False)
    except subprocess.TimeoutExpired:
        return f"bench.{name} took more than {TIMEOUT_S[size]} s"
    tell(f"{name}: {perf_counter() - started:.0f} s")
    if ended.returncode:
        last = (ended.stderr.strip() or "no word").splitlines()[-1]
        return f"bench.{name} ended with {ended.returncode}: {last}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the scripts.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 1 a script failed or a ratio is below its bound, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="bench")
    parser.add_argument(
        "--only", nargs="+", choices=SCRIPTS, default=[], metavar="NAME", help="run these, keep the others' results"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of pairs, for learned codes and what 8 bits cost")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"folder of results (default {OUT})")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the marks of this document")
    parser.add_argument("--check", action="store_true", help="fail if a ratio is below its bound; runs the scripts that have one")
    given = parser.parse_args(arguments)
    return exit_code(lambda: _run(given))


def _run(given: argparse.Namespace) -> int:
    """Runs the scripts, writes the page, compares with the bounds; returns how much went wrong."""
    if given.write:
        put_between_marks(given.write, _MARKS, "")  # refused now, not after minutes
    given.out.mkdir(parents=True, exist_ok=True)
    names = given.only or (CHECKED if given.check else SCRIPTS)
    failed = [why for name in names if (why := run_script(name, given.size, given.out, given.data))]
    found = read_results(given.out, SCRIPTS)
    if given.write and found:
        given.write.write_text(put_between_marks(given.write, _MARKS, page(found, given.write.parent)), encoding="utf-8")
    if given.check:

        def again(name: str) -> None:
            tell(f"{name} is below a bound: measured once more")
            run_script(name, given.size, given.out, given.data)

        failed += [f"slower than it was: {line}" for line in twice_slower(given.out, found, again)]
    for why in failed:
        tell(why)
    return len(failed)


def twice_slower(out: Path, found: Sequence[Found], again: Callable[[str], None]) -> list[str]:
    """Compares with the bounds; what is below one is measured a second time, as a neighbour may have been busy.

    Args:
        out: Folder of results.
        found: Those of the first time.
        again: Runs a script once more.

    Returns:
        A line for each ratio that was below its bound both times.
    """
    slow = [each["name"] for each in found if regressions(each["targets"])]
    for name in slow:
        again(name)
    first = {line.rsplit("(", 1)[-1] for each in found for line in regressions(each["targets"])}
    return [line for line in regressions(all_of(read_results(out, slow), "targets")) if line.rsplit("(", 1)[-1] in first]


if __name__ == "__main__":
    sys.exit(main())
