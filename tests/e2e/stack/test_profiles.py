"""What the profiles of the composed stack do, where their images were built."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import picture
from tests.e2e.stack.composed import Stack, docker

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
FROM_OPENMOJI = {"field": "attribution", "eq": "OpenMoji, CC BY-SA 4.0"}


def client_of(stack: Stack) -> dict[str, Any]:
    """Returns what a container that calls the service needs where containers use this machine's own network."""
    return {"environment": {"BITLENS_URL": stack.url}, "network_mode": "host"} if stack.is_on_the_host else {}


def test_a_folder_of_ones_own_is_put_in(stack: Stack, client, mark, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / f"{mark}.png").write_bytes(picture())
    photos.chmod(0o755)
    (photos / f"{mark}.png").chmod(0o644)
    try:
        with stack.changed(tmp_path / "ingest.yml", ingest=client_of(stack)), stack.told(PHOTOS=str(photos)):
            told = stack.compose("run", "--rm", "ingest").stdout
        assert told.startswith("1 items: 1 added, 0 replaced, 0 held already, 0 failed")
        assert client.get(f"/index/{mark}.png").status_code == 200
    finally:
        client.post("/index/delete", json={"ids": [f"{mark}.png"]})


def test_the_demo_fills_the_index_and_a_second_time_finds_it_filled(stack: Stack, client, tmp_path):
    if not docker("image", "ls", "--quiet", "bitlens-demo:0.1.0").stdout.strip():
        pytest.skip("its image is not here: docker compose --profile demo build")
    try:
        with stack.changed(tmp_path / "demo.yml", demo=client_of(stack)):
            first, second = (stack.compose("run", "--rm", "demo").stdout for _ in range(2))
        n_items = first.partition(" ")[0]
        assert int(n_items.replace(",", "")) > 1_500
        assert first.startswith(f"{n_items} items: {n_items} added, 0 replaced, 0 held already, 0 failed")
        assert second.startswith(f"{n_items} items: 0 added, 0 replaced, {n_items} held already, 0 failed")
        found = client.post("/search/text", json={"query": "a happy smiling face", "k": 5, "filter": FROM_OPENMOJI}).json()
        assert len(found["hits"]) == 5
    finally:
        client.post("/index/delete", json={"filter": FROM_OPENMOJI})
