"""Times encoding as it is served against torch, JPEG upload to prepared picture against the plain way, and the start.

    OMP_NUM_THREADS=1 python -m bench.encode [--size check|bench|large] [--bundle bundles/photos-64] [--rounds 15]
                                             [--data DIR [--n-pairs 500]]

Times are the processor's. ``torch eager`` is the network as its publishers load it, batch normalisations not folded. With
``--data`` a bundle with 8-bit graphs is made by ``training export --int8``, and mAP of fp32 and int8 codes is taken on pairs of its
query and gallery splits.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

from bench.encode_inputs import BATCHES, SENTENCES, decode_agreement, photographs, upload_paths
from bench.encode_peers import map_figures, torch_peers
from bench.machine import environment, require_threads
from bench.result import Result, measure
from bench.timing import Spread, take_turns
from model.bundle import EncoderBundle
from model.codes import Float32
from model.served import ServedBundle

_ROUNDS = {"check": 5, "bench": 15, "large": 45}
_EAGER, _PLAIN = "torch eager", "plain multipart, Pillow"
_TARGETS = {"image": "encode_image", "text": "encode_text"}
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


def upload(result: Result, rounds: int) -> None:
    """Times what happens to an uploaded picture before it is encoded.

    Args:
        result: Takes rows, duel and target.
        rounds: Turns.
    """
    turns = take_turns(upload_paths(), rounds=rounds, clock=process_time)
    for name in turns.seconds:
        result.add("Uploaded JPEG of 1024 × 768 to pixels", way=name, ms=turns.of(name).times(1e3))
    result.beat("uploaded JPEG to pixels", _PLAIN, turns.ratio(_PLAIN, "ours"))
    result.reach("upload", turns.ratio(_PLAIN, "ours"))


def encoding(result: Result, bundle: Path, kinds: Mapping[str, Path], rounds: int) -> None:
    """Times the encoders, and counts the bits that are torch's.

    Args:
        result: Takes rows, duels and targets.
        bundle: Folder of a bundle with graphs.
        kinds: Folders of bundles of the same heads, by name; ``fp32`` is what is served.
        rounds: Turns.
    """
    whole = EncoderBundle.from_pretrained(bundle)
    served = {kind: ServedBundle.open(folder).encoders() for kind, folder in kinds.items()}
    raw: dict[str, Sequence[Any]] = {"image": photographs(), "text": SENTENCES}
    for modality, inputs in raw.items():
        encoder = whole.encoders()[modality]
        prepared = [encoder.prepare(each) for each in inputs]
        ready = {kind: [encoders[modality].prepare(each) for each in inputs] for kind, encoders in served.items()}
        for n in BATCHES:
            calls: dict[str, Callable[[], object]]
            calls = {peer: partial(encode, prepared[:n]) for peer, encode in torch_peers(whole, modality).items()}
            calls |= {kind: partial(encoders[modality].encode, ready[kind][:n]) for kind, encoders in served.items()}
            turns = take_turns(calls, rounds=rounds, warm_ups=2, at_least_s=0.02, clock=process_time)
            for name in calls:
                row = {"batch": n, "way": name, "ms_each": turns.of(name).times(1e3 / n)}
                result.add(f"Encoding, {modality}", **row, times_faster=turns.ratio(_EAGER, name))
                if name not in served:
                    result.beat(f"encoding, {modality}, batch of {n}", name, turns.ratio(name, "fp32"))
            if n == 1:
                result.reach(_TARGETS[modality], turns.ratio(_EAGER, "fp32"))
        wanted = encoder.encode(prepared)
        for kind, encoders in served.items():
            share = equal_bits(wanted, encoders[modality].encode(ready[kind]))
            result.add("Bits equal to torch's, %", modality=modality, graphs=kind, equal=100 * share)


def equal_bits(wanted: Float32, found: Float32) -> float:
    """Returns the share of equal bits.

    Args:
        wanted: (N, n_bits) float32, relaxed codes.
        found: The same of another encoder.

    Returns:
        A number in [0, 1].
    """
    return float(((wanted >= 0) == (found >= 0)).mean())


def starting(result: Result, bundle: Path, rounds: int = 3) -> None:
    """Times processes from their first import to the first code of a text.

    Args:
        result: Takes rows and duel.
        bundle: Folder of the bundle.
        rounds: How often each.
    """
    seconds: dict[str, list[float]] = {name: [] for name in _STARTS}
    for _ in range(rounds):
        for name, (load, encoder) in _STARTS.items():
            program = _START.format(load=load, encoder=encoder.format(folder=str(bundle)))
            ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment(1))
            seconds[name].append(float(ended.stdout))
    for name, taken in seconds.items():
        result.add("Start to the first code of a text", way=name, seconds=Spread.of(taken))
    ratios = [torch / ours for torch, ours in zip(seconds["torch"], seconds["ours"], strict=True)]
    result.beat("start to the first code of a text", "torch", Spread.of(ratios))


def on_data(result: Result, kinds: Mapping[str, Path], data: Path, n_pairs: int) -> None:
    """Says what scaled decoding and 8-bit graphs change; nothing is chosen by it.

    Args:
        result: Takes rows and target.
        kinds: Folders of bundles by name, ``fp32`` and ``int8``.
        data: Folder of the data set.
        n_pairs: On so many pairs.
    """
    for what, share in decode_agreement(ServedBundle.open(kinds["fp32"]).encoders()["image"], data).items():
        result.add("Bits of a picture's code that stay, %", although=what, equal=100 * share)
    found = map_figures(kinds, data, n_pairs)
    for kind, figures in found.items():
        result.add(f"mAP on {n_pairs:,} pairs, a fifth of them queries", graphs=kind, i2t=figures.i2t_map, t2i=figures.t2i_map)
    result.reach("int8_map", Spread.exactly(100 * (found["fp32"].mean_map - found["int8"].mean_map)))


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        Tables, and the targets of encoding.
    """
    require_threads(1)
    rounds = given.rounds or _ROUNDS[given.size]
    result = Result("encode", "Encoding", {"bundle": given.bundle.name, "threads": 1})
    upload(result, 2 * rounds)
    kinds = {"fp32": given.bundle}
    with tempfile.TemporaryDirectory() as folder:
        if given.data is not None and given.size != "check":
            kinds["int8"] = Path(folder, "int8")
            command = ["-m", "training", "export", str(given.bundle), "--data", str(given.data), "--int8"]
            subprocess.run([sys.executable, *command, "--out", str(kinds["int8"])], check=True, capture_output=True)
        encoding(result, given.bundle, kinds, rounds)
        if given.size != "check":
            starting(result, given.bundle)
        if "int8" in kinds:
            on_data(result, kinds, given.data, given.n_pairs)
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--bundle", type=Path, default=Path("bundles/photos-64"))
    own.add_argument("--data", type=Path, metavar="DIR", help="folder of pictures and texts, for what 8 bits cost")
    own.add_argument("--n-pairs", type=int, default=500)
    own.add_argument("--rounds", type=int)
    sys.exit(measure(__doc__, run, own))
