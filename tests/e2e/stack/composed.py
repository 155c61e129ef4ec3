"""A composed stack under test: its address, and `docker compose` to do things to it where that is possible."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.processes import REPOSITORY

LIMIT_S = 90.0
_POLL_S = 0.05


def until(is_so: Callable[[], bool], told: str) -> None:
    """Waits for what happens in another process."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, f"not within {LIMIT_S:.0f} s: {told}"
        time.sleep(_POLL_S)


def docker(*words: str | Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        ["docker", *map(str, words)], cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    assert not check or ended.returncode == 0, f"docker {' '.join(map(str, words))}\n{ended.stdout}{ended.stderr}"
    return ended


class Stack:
    """The stack that answers at an address.

    Args:
        url: Of the service.
        client: With that address as its base, and a key if one is needed.
    """

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self.client = client
        self._told = {"COMPOSE_FILE": os.environ.get("COMPOSE_FILE", "docker-compose.yml")}

    def compose(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return docker("compose", *words, check=check, **self._told)

    def up(self) -> None:
        self.compose("up", "-d", "--no-build", "--wait")
        self.wait_ready()

    def wait_ready(self) -> None:
        until(lambda: (self.readiness() or {}).get("status") == "ready", "the service is ready")

    def readiness(self) -> dict[str, Any] | None:
        """Returns what ``/readyz`` tells, or None if nobody answers."""
        try:
            told: dict[str, Any] = self.client.get("/readyz").json()
        except (httpx.TransportError, ValueError):
            return None
        return told

    def wait_for_cache(self, state: str) -> None:
        until(lambda: (self.readiness() or {"checks": {}})["checks"].get("cache") == state, f"the cache is {state}")

    def redis(self, *words: str) -> str:
        return self.compose("exec", "-T", "redis", "redis-cli", *words).stdout.strip()

    def inside(self, *words: str, check: bool = True) -> str:
        return self.compose("exec", "-T", "api", *words, check=check).stdout.strip()

    def inspect(self, service: str = "api") -> dict[str, Any]:
        container = self.compose("ps", "--all", "--quiet", service).stdout.strip()
        found: dict[str, Any] = json.loads(docker("inspect", container).stdout)[0]
        return found

    @property
    def is_on_the_host(self) -> bool:
        """Whether containers use this machine's own network, as where an engine has no bridge."""
        return bool(self.inspect()["HostConfig"]["NetworkMode"] == "host")

    @contextmanager
    def changed(self, file: Path, **services: Mapping[str, Any]) -> Iterator[None]:
        """Lays something over the stack's files in the block; what has changed is made anew by ``up``, then and afterwards."""
        file.write_text(yaml.safe_dump({"services": {name: dict(told) for name, told in services.items()}}))
        with self.told(COMPOSE_FILE=f"{self._told['COMPOSE_FILE']}:{file}"):
            yield

    @contextmanager
    def told(self, **variables: str) -> Iterator[None]:
        """Gives ``docker compose`` these variables in the block, as a shell would."""
        before = self._told
        self._told = before | variables
        try:
            yield
        finally:
            self._told = before
            self.up()
