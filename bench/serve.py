"""Puts load on the real server over HTTP, beside a plain one: latencies, and what a request costs the server's processor.

    python -m bench.serve [--size check|bench|large] [--n-items N] [--folder DIR] [--kinds cached-text,…] [--connections 1,8,64]
                          [--rounds 3] [--seconds 3] [--data DIR] [--redis-url URL]

The server is ``python -m app serve`` over a data folder full of items with learned codes (:mod:`bench.search_codes`);
:mod:`bench.plain_service` is the plain one, asked for cached texts only. Both are asked in turns, and a number is a median over
rounds. Load and server share the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.result import Result, measure
from bench.search_codes import learned, real_codes
from bench.serve_load import KINDS, Kind, Load, Loader, tool, warm_up
from bench.serve_world import captions, fill
from bench.served import Served, running
from bench.timing import Spread, take_turns
from model.codes import pack_codes, sign_codes
from model.preprocess import normalise_text
from model.served import ServedBundle

N_QUERIES = 64
OURS, PLAIN, _TOGETHER = "bitlens", "plain service", 8
_SIZES = {"check": (400_000, 3, 1.0), "bench": (1_000_000, 3, 3.0), "large": (1_000_000, 7, 10.0)}
_ASKED: Mapping[Kind, Sequence[int]] = {"cached text": (1, 8, 64), "new text": (1, 8), "new image": (1, 8), "mixed": (8,)}
"""Connections, by what is asked."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of load on one server.

    Attributes:
        load: What came of it.
        cpu_us: Processor time of the server, microseconds a request.
    """

    load: Load
    cpu_us: float


def prepare(given: argparse.Namespace, n_items: int, folder: Path) -> list[str]:
    """Makes the data folder and what the plain server needs: ``codes.npy``, ``known.json``.

    Args:
        given: The bundle, and data for captions or None.
        n_items: Items.
        folder: Where everything is put; used again if it is there.

    Returns:
        The texts that are searched for.
    """
    bundle = ServedBundle.open(given.bundle)
    encoder, texts = bundle.encoders()["text"], captions(N_QUERIES)
    codes = learned(n_items, real_codes(given.bundle, given.data))
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "codes.npy", codes)
    asked = pack_codes(sign_codes(np.concatenate([encoder.encode([encoder.prepare(normalise_text(text))]) for text in texts])))
    known = {text: code.tobytes().hex() for text, code in zip(texts, asked, strict=True)}
    (folder / "known.json").write_text(json.dumps(known), encoding="utf-8")
    fill(folder / "data", codes, bundle.bundle_id)
    return texts


def put_load(
    servers: Mapping[str, Served], loader: Loader, kind: Kind, n: int, *, n_rounds: int, seconds: float
) -> dict[str, list[Round]]:
    """Puts one kind of load on servers in turns.

    Args:
        servers: By name; the plain one is asked for cached texts only.
        loader: Puts the load.
        kind: What is asked.
        n: Connections at once.
        n_rounds: Rounds.
        seconds: Length of one.

    Returns:
        Rounds by name.

    Raises:
        SystemExit: If a request failed.
    """
    found: dict[str, list[Round]] = {name: [] for name in servers if name == OURS or kind == "cached text"}

    def ask(name: str) -> None:
        before_s = servers[name].cpu_s()
        load = loader.run(servers[name].url, kind, n, seconds)
        if load.n_failed:
            raise SystemExit(f"{load.n_failed} of {load.n} requests failed: {kind}, {n} connections, {name}")
        found[name].append(Round(load, (servers[name].cpu_s() - before_s) / max(1, load.n) * 1e6))

    take_turns({name: partial(ask, name) for name in found}, rounds=n_rounds, warm_ups=0)
    return found


def tell(result: Result, kind: Kind, n: int, found: Mapping[str, Sequence[Round]]) -> None:
    """Puts rounds into the result.

    Args:
        result: Takes rows, duels and targets.
        kind: What was asked.
        n: Connections at once.
        found: Rounds by server.
    """
    p50, p99, cpu = {}, {}, {}
    for name, rounds in found.items():
        p50[name] = Spread.of([each.load.p50_ms for each in rounds])
        p99[name] = Spread.of([each.load.p99_ms for each in rounds])
        cpu[name] = Spread.of([each.cpu_us for each in rounds])
        per_s = Spread.of([each.load.n / each.load.s for each in rounds])
        row = {"connections": n, "server": name, "p50_ms": p50[name], "p99_ms": p99[name], "requests_a_second": per_s}
        result.add(kind.capitalize(), **row, CPU_µs_a_request=cpu[name])
    if PLAIN in found:
        pairs = list(zip(found[PLAIN], found[OURS], strict=True))
        ratio = Spread.of([plain.cpu_us / ours.cpu_us for plain, ours in pairs])
        result.beat(f"{kind}, {n} connections: processor time", PLAIN, ratio)
        result.beat(f"{kind}, {n} connections: median wait", PLAIN, Spread.of([a.load.p50_ms / b.load.p50_ms for a, b in pairs]))
        if n == _TOGETHER:
            result.reach("cached_text", ratio)
            result.reach("cached_text_cpu", cpu[OURS])
            result.reach("cached_text_p50", p50[OURS])
            result.reach("cached_text_p99", p99[OURS])
    elif n == 1 and kind == "new text":
        result.reach("new_text_p50", p50[OURS])
    elif n == 1 and kind == "new image":
        result.reach("new_image_p50", p50[OURS])


def run(given: argparse.Namespace) -> Result:
    """Starts both servers and measures everything that is asked for.

    Args:
        given: Sizes.

    Returns:
        A table a kind of load, and the targets of serving.
    """
    n_items, n_rounds, seconds = _SIZES[given.size]
    n_items, n_rounds, seconds = given.n_items or n_items, given.rounds or n_rounds, given.seconds or seconds
    settings = {"bundle": given.bundle.name, "n_items": n_items, "rounds": n_rounds, "seconds_a_round": seconds, "load_by": tool()}
    result = Result("serve", "Serving over HTTP", settings, libraries=["httptools", "pydantic", "starlette"])
    kinds = given.kinds or (list(_ASKED) if given.size != "check" else ["cached text"])
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loader = Loader(prepare(given, n_items, folder))
        own = {"BITLENS_RATE_LIMIT": "off"} | ({"REDIS_URL": given.redis_url} if given.redis_url else {})
        serve = ("app", "serve", "--bundle", str(given.bundle), "--data-dir", str(folder / "data"), "--port", "0")
        servers = {OURS: stack.enter_context(running(serve, folder / "ours.log", own))}
        if "cached text" in kinds:
            plain = ("bench.plain_service", "--codes", str(folder / "codes.npy"), "--known", str(folder / "known.json"))
            servers[PLAIN] = stack.enter_context(running(plain, folder / "plain.log"))
        for server in servers.values():
            warm_up(loader, server.url)
        for kind in kinds:
            for n in given.connections or (_ASKED[kind] if given.size != "check" else [_TOGETHER]):
                tell(result, kind, n, put_load(servers, loader, kind, n, n_rounds=n_rounds, seconds=seconds))
        for name, server in servers.items():
            result.add("Memory after that", server=name, MiB=server.resident_mib())
    result.notes.append("Of the targets, cached texts are asked for over 8 connections, new texts and pictures over one.")
    return result


def _kinds(text: str) -> list[Kind]:
    return [kind for kind in KINDS if kind.replace(" ", "-") in text.split(",")]


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--bundle", type=Path, default=Path("bundles/photos-64"))
    own.add_argument("--data", type=Path, metavar="DIR", help="folder of pairs, for learned codes")
    own.add_argument("--n-items", type=int)
    own.add_argument("--folder", type=Path, help="keeps the items for the next time; by default they are made anew")
    own.add_argument("--kinds", type=_kinds, metavar="KIND,…", help=", ".join(kind.replace(" ", "-") for kind in KINDS))
    own.add_argument("--connections", type=lambda text: [int(part) for part in text.split(",")], metavar="N,…")
    own.add_argument("--rounds", type=int)
    own.add_argument("--seconds", type=float)
    own.add_argument("--redis-url", help="a code cache; by default codes are kept in the process")
    sys.exit(measure(__doc__, run, own))
