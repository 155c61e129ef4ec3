"""Times encoding as it is served against torch, JPEG upload to prepared picture against the plain way, and the start.

    python -m bench.encode [--bundle bundles/photos-64] [--int8 DIR] [--data DIR [--n-pairs 1000]] [--rounds 30] [--json]

Everything runs on one thread, the candidates in turn, so that whatever else the machine does falls on all of them; ratios are of
medians. ``torch eager`` is the network as its publishers load it, batch normalisations not folded. ``--int8`` takes a bundle that
``training export --int8`` wrote; with ``--data``, mAP of torch, fp32 and int8 codes is taken on pairs of its query and gallery
splits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch

from bench.encode_inputs import BATCHES, SENTENCES, decode_agreement, photographs, upload_paths
from bench.encode_peers import map_figures, torch_peers
from model.bundle import EncoderBundle
from model.codes import Float32
from model.served import ServedBundle

_START = """
import time
begun = time.perf_counter()
from pathlib import Path
{load}
encoder = {encoder}
encoder.encode([encoder.prepare("a dog on the grass")])
print(time.perf_counter() - begun)
"""
_STARTS = {
    "torch": ("from model.bundle import EncoderBundle", "EncoderBundle.from_pretrained({folder!r}).encoders()['text']"),
    "ours": ("from model.served import ServedBundle", "ServedBundle.open(Path({folder!r})).encoders()['text']"),
}


def timed(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Runs candidates in turn.

    Args:
        candidates: By name; the first one is what the others are compared with.
        rounds: How often.

    Returns:
        Median milliseconds, half of the spread between the quartiles, and how many times faster than the first.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for run in candidates.values():
        run()
    for _ in range(rounds):
        for name, run in candidates.items():
            begun = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - begun))
    first = median(next(iter(times.values())))
    spread = {name: quantiles(found, n=4) for name, found in times.items()}
    return {
        name: {
            "ms": round(median(found), 2),
            "spread_ms": round((spread[name][2] - spread[name][0]) / 2, 2),
            "times_faster": round(first / median(found), 2),
        }
        for name, found in times.items()
    }


def encode_figures(folder: Path, int8: Path | None, rounds: int) -> dict[str, Any]:
    """Times the encoders.

    Args:
        folder: Of a bundle with graphs.
        int8: Of one with 8-bit graphs of the same heads.
        rounds: How often each.

    Returns:
        Figures by modality and batch, and the share of bits equal to torch's.
    """
    bundle = EncoderBundle.from_pretrained(folder)
    wholes = bundle.encoders()
    served = {"fp32": ServedBundle.open(folder).encoders(), **({"int8": ServedBundle.open(int8).encoders()} if int8 else {})}
    raw: dict[str, Sequence[Any]] = {"image": photographs(), "text": SENTENCES}
    found: dict[str, Any] = {}
    for name, inputs in raw.items():
        prepared = [wholes[name].prepare(each) for each in inputs]
        ready = {kind: [encoders[name].prepare(each) for each in inputs] for kind, encoders in served.items()}
        for n in BATCHES:
            candidates: dict[str, Callable[[], object]] = {
                peer: partial(encode, prepared[:n]) for peer, encode in torch_peers(bundle, name).items()
            }
            candidates |= {kind: partial(encoders[name].encode, ready[kind][:n]) for kind, encoders in served.items()}
            found[f"{name}, batch {n}"] = timed(candidates, rounds)
        wanted = wholes[name].encode(prepared)
        found[f"{name}, equal bits"] = {kind: equal_bits(wanted, served[kind][name].encode(p)) for kind, p in ready.items()}
    return found


def equal_bits(wanted: Float32, found: Float32) -> float:
    """Returns the share of equal bits.

    Args:
        wanted: (N, n_bits) float32, relaxed codes.
        found: The same of another encoder.

    Returns:
        A number in [0, 1].
    """
    return round(float(((wanted >= 0) == (found >= 0)).mean()), 5)


def start_figures(folder: Path, rounds: int = 3) -> dict[str, float]:
    """Times processes from their first import to the first code of a text.

    Args:
        folder: Of the bundle.
        rounds: How often each.

    Returns:
        Median seconds by kind, and how many times faster ours is.
    """
    seconds: dict[str, list[float]] = {name: [] for name in _STARTS}
    for _ in range(rounds):
        for name, (load, encoder) in _STARTS.items():
            program = _START.format(load=load, encoder=encoder.format(folder=str(folder)))
            ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
            seconds[name].append(float(ended.stdout))
    medians = {f"{name}_s": round(median(found), 2) for name, found in seconds.items()}
    return {**medians, "times_faster": round(medians["torch_s"] / medians["ours_s"], 2)}


def sections(given: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measures one thing after another.

    Args:
        given: Arguments of the command line.

    Yields:
        A title and its figures.
    """
    yield "JPEG 1024×768 to prepared picture", timed(upload_paths(), given.rounds)
    yield from encode_figures(given.bundle, given.int8, given.rounds).items()
    yield "start to first code of a text", start_figures(given.bundle)
    if given.data:
        encoder = ServedBundle.open(given.bundle).encoders()["image"]
        yield "equal bits of a scaled decode, and of what else changes a picture", decode_agreement(encoder, given.data)
        yield "mAP", map_figures(given.bundle, given.int8, given.data, given.n_pairs)


def main() -> None:
    """Prints all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=Path("bundles/photos-64"))
    parser.add_argument("--int8", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--n-pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for title, rows in sections(given):
        found[title] = rows
        if not given.json:
            print(f"\n{title}", flush=True)
            for name, row in rows.items():
                shown = "  ".join(f"{key} {value}" for key, value in row.items()) if isinstance(row, dict) else row
                print(f"  {name:24} {shown}", flush=True)
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
