"""Puts load on the real server over HTTP, beside a plain one, and tells latencies and what a request costs the server's processor.

    python -m bench.serve [--bundle bundles/photos-64] [--n-items 1000000] [--folder DIR] [--kinds cached-text,…]
        [--connections 1,8,64] [--rounds 3] [--seconds 3] [--redis-url URL] [--json FILE] [--markdown FILE]

The server is ``python -m app serve`` over a data folder full of items; ``bench.plain_service`` is the plain one, asked for cached
texts only. Rounds are interleaved, figures are medians over rounds, and the ratio is the median of the ratios within a round. Load
and server share the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from bench.serve_load import KINDS, Kind, Load, Loader, rounds, tool, warm_up
from bench.serve_world import Server, captions, codes_around, fill, started
from model.bundle import EncoderBundle
from model.codes import UInt8, pack_codes, sign_codes
from model.preprocess import normalise_text

N_QUERIES = 64
_HEAD = "| asked | connections | p50, ms | p99, ms | requests/s | server CPU, µs/request | plain server's, µs | ratio |"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        kind: What was asked.
        n_connections: At once.
        p50_ms: Median latency, median over rounds.
        p99_ms: 99th percentile, likewise.
        per_s: Requests a second, likewise.
        cpu_us: Processor time of the server a request, µs, likewise.
        plain_cpu_us: The same of the plain server, or None.
        ratio: How many times as much the plain one takes, or None.
        n_failed: Requests that failed, of both.
    """

    kind: Kind
    n_connections: int
    p50_ms: float
    p99_ms: float
    per_s: float
    cpu_us: float
    plain_cpu_us: float | None
    ratio: float | None
    n_failed: int


def prepare(bundle_dir: Path, n_items: int, folder: Path) -> tuple[list[str], Path, Path]:
    """Makes the data folder and what the plain server needs.

    Args:
        bundle_dir: The bundle that is served.
        n_items: Items.
        folder: Where everything is put; used again if it is there.

    Returns:
        The texts that are searched for, a file of all codes and a file of the texts' codes.
    """
    bundle = EncoderBundle.from_pretrained(bundle_dir, local_files_only=True)
    encoder = bundle.encoders()["text"]
    texts = captions(max(N_QUERIES, min(1000, n_items // 1000)))
    relaxed = [np.asarray(encoder.encode([encoder.prepare(normalise_text(text))])) for text in texts]
    centres: UInt8 = pack_codes(sign_codes(np.concatenate(relaxed)))
    codes = codes_around(centres, n_items)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "codes.npy", codes)
    known = {text: code.tobytes().hex() for text, code in zip(texts[:N_QUERIES], centres, strict=False)}
    (folder / "known.json").write_text(json.dumps(known))
    fill(folder / "data", codes, bundle.bundle_id)
    return texts[:N_QUERIES], folder / "codes.npy", folder / "known.json"


def measure(servers: dict[str, Server], loader: Loader, kind: Kind, n_connections: int, *, n_rounds: int, seconds: float) -> Row:
    """Puts one kind of load on both servers in turn.

    Args:
        servers: By name, ``ours`` and maybe ``plain``.
        loader: Puts the load.
        kind: What is asked.
        n_connections: At once.
        n_rounds: Rounds.
        seconds: Length of one.

    Returns:
        The medians.
    """
    asked = [name for name in servers if name == "ours" or kind == "cached text"]
    loads: dict[str, list[tuple[Load, float]]] = {name: [] for name in asked}
    for _, name in rounds(n_rounds, asked):
        before_s = servers[name].cpu_s()
        load = loader.run(servers[name].url, kind, n_connections, seconds)
        loads[name].append((load, (servers[name].cpu_s() - before_s) / max(1, load.n) * 1e6))
    ours, plain = loads["ours"], loads.get("plain")
    return Row(
        kind,
        n_connections,
        p50_ms=median(load.p50_ms for load, _ in ours),
        p99_ms=median(load.p99_ms for load, _ in ours),
        per_s=median(load.n / load.s for load, _ in ours),
        cpu_us=median(cpu_us for _, cpu_us in ours),
        plain_cpu_us=median(cpu_us for _, cpu_us in plain) if plain else None,
        ratio=median(theirs / own for (_, own), (_, theirs) in zip(ours, plain, strict=True)) if plain else None,
        n_failed=sum(load.n_failed for some in loads.values() for load, _ in some),
    )


def table(rows: list[Row]) -> str:
    """Returns rows as Markdown.

    Args:
        rows: What was measured.

    Returns:
        A table.
    """
    lines = [_HEAD, "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        plain = "" if row.plain_cpu_us is None else f"{row.plain_cpu_us:,.0f}"
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        figures = f"{row.p50_ms:.2f} | {row.p99_ms:.2f} | {row.per_s:,.0f} | {row.cpu_us:,.0f}"
        lines.append(f"| {row.kind} | {row.n_connections} | {figures} | {plain} | {ratio} |")
    return "\n".join(lines) + "\n"


def run(given: argparse.Namespace, folder: Path) -> list[Row]:
    """Starts both servers and measures everything that is asked for.

    Args:
        given: The command line.
        folder: Where data are put.

    Returns:
        One row a kind and number of connections.
    """
    texts, codes, known = prepare(given.bundle, given.n_items, folder)
    loader = Loader(texts)
    own = {"BITLENS_RATE_LIMIT": "off"} | ({"REDIS_URL": given.redis_url} if given.redis_url else {})
    serve = ["-m", "app", "serve", "--bundle", str(given.bundle), "--data-dir", str(folder / "data"), "--port", "0"]
    with ExitStack() as stack:
        servers = {"ours": stack.enter_context(started("ours", serve, **own))}
        if "cached text" in given.kinds:
            plain = ["-m", "bench.plain_service", "--codes", str(codes), "--known", str(known)]
            servers["plain"] = stack.enter_context(started("plain", plain))
        for server in servers.values():
            warm_up(loader, server.url)
        rows = []
        for kind in given.kinds:
            for n_connections in given.connections:
                rows.append(measure(servers, loader, kind, n_connections, n_rounds=given.rounds, seconds=given.seconds))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
        print(f"resident memory of ours: {servers['ours'].rss_bytes() / 2**20:,.0f} MiB")
        return rows


def _kinds(text: str) -> list[Kind]:
    return [kind for kind in KINDS if kind.replace(" ", "-") in text.split(",")]


def main() -> None:
    """Reads the arguments, measures, and writes what was found.

    Raises:
        SystemExit: If a request failed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=Path("bundles") / "photos-64")
    parser.add_argument("--n-items", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keeps the items for the next time; by default they are made anew")
    parser.add_argument(
        "--kinds", type=lambda text: [kind for kind in KINDS if kind.replace(" ", "-") in text], default=list(KINDS)
    )
    parser.add_argument("--connections", type=lambda text: [int(part) for part in text.split(",")], default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--redis-url", help="a code cache; by default codes are kept in the process")
    parser.add_argument("--json", type=Path, help="also write what was found as JSON")
    parser.add_argument("--markdown", type=Path, help="also write the table to a file")
    given = parser.parse_args()
    print(f"{given.n_items:,} items, {os.cpu_count()} cores, load by {tool()}, Python {platform.python_version()}")
    print(table([]), end="", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        rows = run(given, given.folder or Path(temporary))
    if given.json:
        told = {"n_items": given.n_items, "tool": tool(), "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(told, indent=2) + "\n")
    if given.markdown:
        given.markdown.write_text(table(rows))
    if failed := sum(row.n_failed for row in rows):
        raise SystemExit(f"{failed} requests failed")


if __name__ == "__main__":
    main()
