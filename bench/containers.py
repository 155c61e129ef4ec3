"""Measures a composed stack that is up: size of the image, seconds from a start to readiness, memory at rest and under load.

    API_URL=http://127.0.0.1:8000 python -m bench.containers [--starts 5] [--load-s 20] [--write docs/containers.md]

The stack is the one of `docker compose` here. Its service is stopped and started; nothing that it holds is changed. Seconds count
from the moment that the engine noted as the container's start to the first yes of `/readyz`. Memory is what `docker stats` tells:
without the cache of files that can be given back.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.container_load import N_CLIENTS, load
from bench.machine import load as machine_load
from bench.machine import machine
from bench.methods_table import put_between_marks

N_PARTS = 9
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_START_LIMIT_S = 120.0
_SIZES = """
import json, pathlib, sys
site = next(pathlib.Path(sys.prefix).glob("lib/python3*/site-packages"))
size = lambda path: sum(each.lstat().st_size for each in (path, *path.rglob("*")) if each.is_file())
parts = {part.name.removesuffix(".libs").removesuffix("_cpu"): 0 for part in site.iterdir()}
for part in site.iterdir():
    parts[part.name.removesuffix(".libs").removesuffix("_cpu")] += size(part)
print(json.dumps(parts | {"the bundle": size(pathlib.Path("/srv/bundles"))}))
"""


def docker(*words: str) -> str:
    """Runs a command of the engine.

    Args:
        *words: After ``docker``.

    Returns:
        What it prints.
    """
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


def sizes(container: str) -> dict[str, str]:
    """Measures the image, and what is in it.

    Args:
        container: One that runs it.

    Returns:
        Megabytes, as text, by what they are.
    """
    told = json.loads(docker("image", "inspect", docker("inspect", "--format", "{{.Image}}", container)))[0]
    layers = [line for line in docker("history", "--format", "{{json .}}", "--human=false", told["Id"]).splitlines() if line]
    ours = sum(int(layer["Size"]) for layer in map(json.loads, layers) if "COPY" in layer["CreatedBy"])
    parts = json.loads(docker("exec", container, "python", "-c", _SIZES))
    largest = sorted(parts, key=lambda name: -parts[name])[:N_PARTS]
    listed = ", ".join(f"{name} {parts[name] / 1e6:.0f}" for name in largest)
    rest = sum(parts.values()) - sum(parts[name] for name in largest)
    return {
        "image": f"{told['Size'] / 1e6:.0f} MB, of which Bitlens adds {ours / 1e6:.0f} MB to its base",
        "what Bitlens adds, MB": f"{listed}, all else {rest / 1e6:.0f}",
    }


def seconds_to_ready(container: str, client: httpx.Client) -> float:
    """Stops and starts a container, and asks until it is ready.

    Args:
        container: The service's.
        client: Knows its address.

    Returns:
        Seconds since the engine's own note of the start.
    """
    docker("stop", container)
    docker("start", container)
    deadline = time.monotonic() + _START_LIMIT_S
    while not is_ready(client):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready within {_START_LIMIT_S:.0f} s")
        time.sleep(0.005)
    ready_s = time.time()
    started = datetime.fromisoformat(docker("inspect", "--format", "{{.State.StartedAt}}", container)[:26] + "+00:00")
    return ready_s - started.timestamp()


def processor_seconds(container: str) -> float:
    """Returns what a container has used of processors since its start: unlike its seconds, hardly more on a busy machine.

    Args:
        container: Which.

    Returns:
        Seconds of one processor.
    """
    program = "cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage"
    told = docker("exec", container, "sh", "-c", program).split()
    return int(told[1]) / 1e6 if told[0] == "usage_usec" else int(told[0]) / 1e9


def is_ready(client: httpx.Client) -> bool:
    """Asks once.

    Args:
        client: Knows the address.

    Returns:
        Whether ``/readyz`` says yes.
    """
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def memory_bytes(container: str) -> float:
    """Returns what a container's processes hold.

    Args:
        container: Which.

    Returns:
        Bytes.
    """
    used = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container).partition("/")[0].strip()
    unit = next(unit for unit in sorted(_UNITS, key=len, reverse=True) if used.endswith(unit))
    return float(used.removesuffix(unit)) * _UNITS[unit]


def under_load(container: str, client: httpx.Client, load_s: float) -> tuple[float, str]:
    """Measures while clients ask.

    Args:
        container: The service's.
        client: Knows its address.
        load_s: Seconds.

    Returns:
        Most bytes that were held, and what was asked, in words.
    """
    started, most = time.monotonic(), 0.0
    with load(client) as statuses:
        while time.monotonic() < started + load_s:
            most = max(most, memory_bytes(container))
    wrong = sorted({status for status in statuses if status != httpx.codes.OK})
    if wrong:
        raise RuntimeError(f"under load the service answered {wrong} as well")
    return most, f"{N_CLIENTS} clients, half sentences, half pictures, {len(statuses) / (time.monotonic() - started):.0f} a second"


def figures(given: argparse.Namespace) -> str:
    """Measures everything.

    Args:
        given: The command line.

    Returns:
        Markdown.
    """
    api, redis = (docker("compose", "ps", "--quiet", service) for service in ("api", "redis"))
    key = os.environ.get("BITLENS_API_KEY")
    headers: dict[str, Any] = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=given.url, headers=headers, timeout=60, trust_env=False) as client:
        rows = sizes(api)
        busy = machine_load()
        starts, used = zip(*((seconds_to_ready(api, client), processor_seconds(api)) for _ in range(given.starts)), strict=True)
        rows["from a start to ready"] = (
            f"median {median(starts):.2f} s, fastest {min(starts):.2f}, slowest {max(starts):.2f} of {len(starts)}"
        )
        rows["processor time of a start"] = f"{median(used):.2f} s"
        rows["memory at rest"] = f"{memory_bytes(api) / 1024**2:.0f} MiB, Redis {memory_bytes(redis) / 1024**2:.0f} MiB"
        most, asked = under_load(api, client, given.load_s)
        rows["memory under load, the most"] = f"{most / 1024**2:.0f} MiB ({asked}), Redis {memory_bytes(redis) / 1024**2:.0f} MiB"
    told = machine()
    rows["machine"] = f"{told['cores']} cores ({told['cpu']}), {busy:g} processes wanted one before"
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def main() -> int:
    """Measures and prints.

    Returns:
        Exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default=os.environ.get("API_URL", "http://127.0.0.1:8000"), help="of the service")
    parser.add_argument("--starts", type=int, default=5, metavar="N", help="how often it is started (default 5)")
    parser.add_argument("--load-s", type=float, default=20.0, metavar="S", help="seconds of load (default 20)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the figures between the marks of this document")
    given = parser.parse_args()
    table = figures(given)
    print(table)
    if given.write:
        given.write.write_text(put_between_marks(given.write, "containers", table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
