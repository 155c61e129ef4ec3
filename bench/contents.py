"""Lists what an installed environment holds, largest first: what an image is made of.

    python -m bench.contents [PYTHON] [--at-least 1] [--json]

PYTHON is the interpreter of the environment, by default this one's. Each package counts the files that its installer has recorded,
as blocks on disk; what belongs to none of them is told as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from bench.tables import grid

MIB = 2**20
OTHER = "of no package"


def folders(python: Path) -> list[Path]:
    """Asks an interpreter where its packages lie.

    Args:
        python: The interpreter.

    Returns:
        Folders, each once.

    Raises:
        OSError: If there is no such program.
        subprocess.CalledProcessError: If it is no Python.
    """
    asked = [
        str(python),
        "-I",
        "-c",
        "import json, sysconfig as s; print(json.dumps([s.get_path('purelib'), s.get_path('platlib')]))",
    ]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in dict.fromkeys(json.loads(said))]


def sizes(places: Sequence[Path]) -> dict[str, int]:
    """Adds up what lies in folders of packages.

    Args:
        places: The folders.

    Returns:
        Bytes on disk by name and version, largest first; :data:`OTHER` for what no package has recorded.
    """
    counted: set[Path] = set()
    found: dict[str, int] = {}
    for each in distributions(path=[str(place) for place in places]):
        files = {path for path in _files(each) if path.is_file()} - counted
        counted |= files
        found[f"{each.metadata['Name']} {each.version}"] = sum(map(_on_disk, files))
    everything = {path.resolve() for place in places for path in place.rglob("*") if path.is_file()}
    found[OTHER] = sum(map(_on_disk, everything - counted))
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _files(package: Distribution) -> set[Path]:
    """Returns a package's files, compiled ones among them: installers do not all record these."""
    recorded = {Path(str(package.locate_file(file))).resolve() for file in package.files or ()}
    compiled = {
        other for path in recorded if path.suffix == ".py" for other in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
    }
    return recorded | compiled


def _on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def table(found: Mapping[str, int], at_least_mib: float) -> list[str]:
    """Writes the list.

    Args:
        found: Of :func:`sizes`.
        at_least_mib: Smaller ones are told together.

    Returns:
        Lines of Markdown.
    """
    large = {name: size for name, size in found.items() if size >= at_least_mib * MIB}
    rest = [size for name, size in found.items() if name not in large]
    rows = [[name, f"{size / MIB:.1f}"] for name, size in large.items()]
    rows += [[f"{len(rest)} others", f"{sum(rest) / MIB:.1f}"]] if rest else []
    return grid(["package", "MiB"], [*rows, ["**together**", f"**{sum(found.values()) / MIB:.1f}**"]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Lists.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", type=Path, nargs="?", default=Path(sys.executable), metavar="PYTHON")
    parser.add_argument("--at-least", type=float, default=1.0, metavar="MIB", help="smaller ones are told together (default 1)")
    parser.add_argument("--json", action="store_true", help="bytes by package")
    given = parser.parse_args(arguments)
    try:
        found = sizes(folders(given.python))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{given.python} is no interpreter that can be asked: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1) if given.json else "\n".join(table(found, given.at_least)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
