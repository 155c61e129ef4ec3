"""Writes the demonstration's drawings into a folder, for whoever wants to try things and has no pictures at hand.

python -m demo.pictures DIR

Decides nothing: the folder is what ``training.datasets.openmoji`` makes of the drawings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model.errors import DatasetError
from training.datasets.openmoji import ATTRIBUTION, prepare_openmoji
from training.progress import progress_bar


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes them unless they are there.

    Args:
        arguments: Words of the command line; None for the process's own.

    Returns:
        The exit code: 0, or 2 if the folder holds something else.
    """
    parser = argparse.ArgumentParser(prog="python -m demo.pictures", description="OpenMoji drawings with captions and labels.")
    parser.add_argument("folder", type=Path, help="made if absent: train, query and gallery, each with pictures and metadata.jsonl")
    folder = parser.parse_args(arguments).folder
    try:
        with progress_bar("rasterising", unit="drawings") as progress:
            prepare_openmoji(folder, progress=progress)
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(list(folder.glob('*/*.png')))} drawings in {folder}. {ATTRIBUTION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
