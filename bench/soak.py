"""Wears the service down: clients work while it is killed, Redis goes, the disk fills and the snapshot is damaged.

    python -m bench.soak [--duration-s 180] [--seed 0] [--disk any|tmpfs|limit] [--write docs/reliability.md]

The clients add, replace, delete, read and search. The service is a process of its own over its real catalogue, pictures, index and
cache; only the encoders are made up, so that nothing waits for them. Afterwards every acknowledged write must be there and nothing
else, and catalogue, index and pictures must agree, or the script fails. The seed alone decides when the faults come; all traffic
stays on loopback addresses.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median, quantiles

import httpx

from bench.methods_table import put_between_marks
from bench.soak_client import Client
from bench.soak_world import Disk, Redis, Service, open_disk

N_CLIENTS = 4
N_KILLS = 20
N_OUTAGES = 3


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something that is done to the service.

    Attributes:
        at: When, as a fraction of the duration.
        what: ``kill``, ``damage and kill``, ``redis away``, ``redis back``, ``disk full`` or ``disk free``.
    """

    at: float
    what: str


@dataclass(slots=True)
class World:
    """What the faults are made of, and how often each was.

    Attributes:
        service: The service.
        redis: Its cache.
        disk: Where its data folder lies.
        random: Chooses which bit is damaged.
        counts: Faults by name.
    """

    service: Service
    redis: Redis
    disk: Disk
    random: Random
    counts: Counter[str] = field(default_factory=Counter)

    def do(self, fault: Fault) -> None:
        """Makes one fault.

        Args:
            fault: Which.
        """
        if fault.what == "redis away":
            self.redis.kill()
        elif fault.what == "redis back":
            self.redis.start()
        elif fault.what == "disk full":
            self.disk.fill(self.service.pid)
        elif fault.what == "disk free":
            self.disk.free(self.service.pid)
        else:
            self.service.kill()
            if fault.what == "damage and kill":
                self.counts["snapshot damaged"] += self.service.damage_snapshot(self.random)
            self.service.start()
        self.counts[fault.what] += 1


def plan(seed: int) -> list[Fault]:
    """Decides when which fault comes.

    Args:
        seed: Decides it.

    Returns:
        Faults in order: twenty kills, every fourth with a damaged snapshot, none of them while the disk is full.
    """
    random = Random(seed)  # noqa: S311
    full = random.uniform(0.35, 0.6)
    faults = [Fault(full, "disk full"), Fault(full + 0.06, "disk free")]
    for number in range(N_OUTAGES):
        begin = (number + random.uniform(0.1, 0.5)) / N_OUTAGES
        faults += [Fault(begin, "redis away"), Fault(begin + random.uniform(0.05, 0.12), "redis back")]
    for number in range(N_KILLS):
        at = random.uniform(0.03, 0.91)
        at += 0.07 if at >= full - 0.005 else 0.0
        faults.append(Fault(at, "damage and kill" if number % 4 == 0 else "kill"))
    return sorted(faults)


def soak(world: World, clients: list[Client], duration_s: float, faults: list[Fault]) -> None:
    """Lets the clients work while the faults come.

    Args:
        world: What the faults are made of.
        clients: Who works.
        duration_s: How long.
        faults: What comes when.
    """
    began_s = time.monotonic()
    with ThreadPoolExecutor(len(clients)) as threads:
        running = [threads.submit(client.run, began_s + duration_s) for client in clients]
        try:
            for fault in faults:
                time.sleep(max(0.0, began_s + fault.at * duration_s - time.monotonic()))
                world.do(fault)
        except BaseException:
            world.service.release()
            raise
        for one in running:
            one.result()


def check(world: World, clients: list[Client]) -> list[str]:
    """Compares what is there with what must be, after one more kill.

    Args:
        world: The service.
        clients: They know.

    Returns:
        What is wrong.
    """
    world.do(Fault(1.0, "kill"))
    for client in clients:
        client.check_all()
    wrong = [line for client in clients for line in client.wrong]
    expected = {item_id for client in clients for item_id in client.present}
    ready = httpx.get(f"{world.service.url}/readyz", timeout=60).json()
    if ready["checks"]["index"] != "ok" or ready["n_items"] != len(expected):
        wrong.append(f"{len(expected)} items are expected, but readiness tells {ready}")
    listed = _listed(world.service.url)
    if sorted(listed) != sorted(expected):
        wrong.append(f"listed but not expected, or the reverse: {sorted(set(listed) ^ expected)}")
    if world.service.stop() != 0:
        wrong.append("the service did not stop as it should")
    doctor = [sys.executable, "-m", "app", "doctor", "--data-dir", str(world.service.folder), "--pictures", "--json"]
    report = json.loads(subprocess.run(doctor, capture_output=True, text=True, check=False).stdout)
    return wrong + [f"the doctor found: {finding}" for finding in report["findings"]]


def report(world: World, clients: list[Client], duration_s: float, seed: int) -> str:
    """Puts the figures together.

    Args:
        world: What the faults were made of.
        clients: What they did.
        duration_s: How long.
        seed: Of the plan.

    Returns:
        Markdown.
    """
    counts = sum((client.counts for client in clients), Counter[str]())
    search_ms = [one for client in clients for one in client.search_ms]
    starts = world.service.starts_s
    rows = {
        "duration, clients, seed": f"{duration_s:g} s, {len(clients)}, {seed}",
        **{name: f"{counts[name]:,}" for name in sorted(counts)},
        "searches, median and 95th percentile": f"{median(search_ms):.1f} ms, {quantiles(search_ms, n=20)[-1]:.1f} ms",
        "killed with SIGKILL": f"{world.counts['kill'] + world.counts['damage and kill']}",
        "of these with a bit of the snapshot flipped": f"{world.counts['snapshot damaged']}",
        "from a start to the first answer": f"median {median(starts):.1f} s, longest {max(starts):.1f} s",
        "Redis killed and started": f"{world.counts['redis back']} times",
        "disk full": f"once for {0.06 * duration_s:.0f} s: {world.disk.kind}",
        "items at the end": f"{sum(len(client.present) for client in clients):,}",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def main() -> int:
    """Runs the soak.

    Returns:
        Exit status.
    """
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name) / "data"
        folder.mkdir()
        disk, redis = open_disk(folder, given.disk), Redis(Path(name))
        service = Service(folder, given.log, redis.url)
        clients = [Client(f"c{number}", service, given.seed * 100 + number) for number in range(N_CLIENTS)]
        world = World(service, redis, disk, Random(given.seed))  # noqa: S311
        try:
            redis.start()
            service.start()
            soak(world, clients, given.duration_s, plan(given.seed))
            wrong = check(world, clients)
        finally:
            service.kill()
            redis.kill()
            disk.close()
            for client in clients:
                client.close()
    table = report(world, clients, given.duration_s, given.seed)
    print(table)
    print("\n".join(wrong[:20]) or "every acknowledged write is there, nothing else, and catalogue, index and pictures agree")
    if given.write and not wrong:
        given.write.write_text(put_between_marks(given.write, "soak", table), encoding="utf-8")
    return 1 if wrong else 0


def _listed(url: str) -> list[str]:
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = httpx.get(f"{url}/index", params={"limit": "100", **cursor}, timeout=60).json()
        ids += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        cursor = {"cursor": page["next_cursor"]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--duration-s", type=float, default=180.0, metavar="S", help="how long clients work (default 180)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the plan (default 0)")
    parser.add_argument("--disk", choices=["any", "tmpfs", "limit"], default="any", help="how it fills (any: a tmpfs if possible)")
    parser.add_argument("--log", type=Path, default=Path("soak.log"), metavar="FILE", help="the service's log (default soak.log)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the figures between the marks of this document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
