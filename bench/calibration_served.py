"""Whether a calibration holds for the codes that are served: a bundle's graphs of 32 and of 8 bits, judged on the query split.

    OMP_NUM_THREADS=1 python -m bench.calibration_served --bundle DIR --data DIR --work DIR [--cache-dir DIR]

Each is calibrated twice on the gallery split, by torch's codes and by its graphs' own, and judged by what the query split's pairs
find in the gallery when all codes are those of the graphs (``bench.calibration_run``). The graphs of 8 bits are written into the
work folder if they are not there. A Markdown table of ECE by direction; the last line is JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.calibration_run import find_hits, judge
from bench.grid_command import data_parser, exit_code
from model.bundle import EncoderBundle
from model.calibration import MODALITY_PAIRS
from training.bundle_codes import DataSource, encode_data
from training.calibrating import CalibrationPlan, calibrate_bundle
from training.commands import export
from training.config import DataSection


def measure(bundle: EncoderBundle, source: DataSource) -> list[dict[str, Any]]:
    """Judges a bundle's two calibrations.

    Args:
        bundle: One with graphs.
        source: A data set that it was not fitted to but for the training split.

    Returns:
        A row by torch's codes and one by the graphs', JSON-able.
    """
    served = encode_data(bundle, source, ["query", "gallery"], as_served=True)
    hits = find_hits(served.codes["query"], served.codes["gallery"])
    rows = []
    for codes, measured in (("torch", bundle.with_graphs({}, {})), ("graphs", bundle)):
        judged = judge(calibrate_bundle(measured, source, CalibrationPlan()), hits)
        rows.append({"graphs": served.encoders, "measured on": codes} | {pair: found["ece"] for pair, found in judged.items()})
    return rows


def render(rows: Sequence[dict[str, Any]]) -> str:
    """Writes the table.

    Args:
        rows: As of :func:`measure`.

    Returns:
        Markdown.
    """
    lines = [
        f"| served | calibrated by the codes of | {' | '.join(' → '.join(pair) for pair in MODALITY_PAIRS)} |",
        "|---" * 6 + "|",
    ]
    for row in rows:
        cells = " | ".join(f"{row['-'.join(pair)]:.4f}" for pair in MODALITY_PAIRS)
        lines.append(f"| {row['graphs']} | {row['measured on']} | {cells} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table, then the rows as one line of JSON.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = data_parser(__doc__, work="where the graphs of 8 bits go")
    parser.add_argument(
        "--bundle", type=Path, default=Path("bundles/photos-64"), metavar="DIR", help="bundle with graphs of 32 bits"
    )
    options = parser.parse_args(arguments)

    def work() -> int:
        small, columns = options.work / "int8", DataSection()
        if not small.exists():
            export(options.bundle, small, config=columns, data=options.data, cache_dir=options.cache_dir, int8=True)
        source = DataSource(options.data, columns, options.cache_dir)
        rows = [row for folder in (options.bundle, small) for row in measure(EncoderBundle.from_pretrained(folder), source)]
        print(f"{render(rows)}\n\n{json.dumps(rows)}")
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
