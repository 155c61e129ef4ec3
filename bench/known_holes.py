"""Asks the advisories' database for known holes in what locks pin.

    python -m bench.known_holes requirements/serve.lock [LOCK ...]

pip-audit asks; it passes over what the database does not know, and so would say that all is well where a mirror has packages but
no advisories. Here that is a failure: 0 means that every package was looked up and none has a known hole, 1 that one has, 2 that
some could not be looked up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

Ask = Callable[[Sequence[str]], tuple[str, str]]


def ask_pip_audit(locks: Sequence[str]) -> tuple[str, str]:
    """Has pip-audit look up what locks pin; installs and resolves nothing.

    Args:
        locks: Paths.

    Returns:
        What it said on standard output and on standard error.
    """
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--desc", "off", "--format", "json"]
    named = [part for lock in locks for part in ("-r", lock)]
    ended = subprocess.run([sys.executable, "-m", "pip_audit", *options, *named], capture_output=True, text=True, check=False)
    return ended.stdout, ended.stderr


def judge(said: str, complained: str) -> tuple[int, list[str]]:
    """Reads pip-audit's answer.

    Args:
        said: JSON, or nothing if it could not be asked.
        complained: Its standard error.

    Returns:
        The exit code, and what to tell.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError):
        last = (complained.strip() or "no word").splitlines()[-1]
        return 2, ["the advisories' database could not be asked; is there a network?", last[:300]]
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}"
        + (f", closed in {', '.join(fixed)}" if (fixed := hole["fix_versions"]) else "")
        for each in packages
        for hole in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    n_known = len(packages) - len(unknown)
    told = [*holes, f"{n_known} packages looked up, {len(holes)} known holes"]
    if unknown:
        shown = ", ".join(unknown[:5]) + (" and others" if len(unknown) > 5 else "")
        told.append(
            f"the database has no word on {len(unknown)} of {len(packages)}: {shown}; a mirror without advisories answers so"
        )
    return 1 if holes else 2 if unknown or not packages else 0, told


def main(arguments: Sequence[str] | None = None, *, ask: Ask = ask_pip_audit) -> int:
    """Asks and tells.

    Args:
        arguments: Of the command line; None for the process's own.
        ask: Looks locks up.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("locks", nargs="+", metavar="LOCK")
    code, told = judge(*ask(parser.parse_args(arguments).locks))
    print("\n".join(told), file=sys.stderr if code == 2 else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
