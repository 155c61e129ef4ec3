"""A service made of fakes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.deps import Parts
from tests.builders import fake_parts, running, settings_for


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine running the tests has set for itself has no part in them."""
    for name in [name for name in os.environ if name.startswith(("BITLENS_", "REDIS_URL")) or name in {"HOST", "PORT"}]:
        monkeypatch.delenv(name)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return fake_parts(tmp_path)


@pytest.fixture
def client(parts: Parts, tmp_path: Path) -> Iterator[TestClient]:
    settings = settings_for(
        tmp_path,
        max_image_bytes=50_000,
        max_image_pixels=10_000,
        max_request_bytes=200_000,
        max_batch_items=40,
        max_text_chars=100,
        max_payload_bytes=200,
        max_k=20,
    )
    with running(parts, settings) as client:
        yield client
