"""The stack under test, from ``API_URL``: without it there are no tests here. What needs docker is skipped where there is none."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.builders import picture
from tests.e2e.stack.composed import Stack, docker

collect_ignore_glob = [] if os.environ.get("API_URL") else ["test_*.py"]
CAPTIONS = {"dog": "a dog on the grass", "bus": "a bus in the city", "plate": "a plate with pizza"}
PICTURES = {"dog": picture(colour="green", size=(96, 64)), "bus": picture(colour="red", size=(96, 64))}


@pytest.fixture(scope="session")
def running_stack() -> Iterator[Stack]:
    url = os.environ["API_URL"]
    key = os.environ.get("BITLENS_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        stack = Stack(url, client)
        stack.wait_ready()
        yield stack


@pytest.fixture
def client(running_stack: Stack) -> httpx.Client:
    return running_stack.client


@pytest.fixture
def stack(running_stack: Stack) -> Stack:
    """The stack, where it is this machine's docker that runs it."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker here to stop and start things with")
    if not docker("compose", "ps", "--quiet", "api", check=False).stdout.strip():
        pytest.skip("docker compose runs no service `api` of this project here")
    return running_stack


@pytest.fixture
def mark() -> str:
    """A word that no other test has used."""
    return uuid.uuid4().hex[:12]


@pytest.fixture
def held(client: httpx.Client, mark: str) -> Iterator[str]:
    """Three items are indexed, two with pictures; yields what their ids begin with. They are deleted in the end."""
    items: list[dict[str, Any]] = [
        {"id": f"{mark}-{name}", "text": f"{text} {mark}", "payload": {"test": mark, "length": len(text)}}
        for name, text in CAPTIONS.items()
    ]
    for item, name in zip(items, CAPTIONS, strict=True):
        item |= {"image": name} if name in PICTURES else {}
    answer = client.post("/index", data={"items": json.dumps(items)}, files=dict(PICTURES.items()))
    assert answer.json()["n_added"] == 3, answer.text
    yield mark
    client.post("/index/delete", json={"ids": [item["id"] for item in items]})
