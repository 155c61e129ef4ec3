"""What an operator does to a stack, and what happens to it: nothing acknowledged is lost, and searches go on without Redis."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.keys import digest_of
from tests.e2e.stack.composed import Stack, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def hits(client: httpx.Client, query: str, mark: str) -> list[tuple[str, int]]:
    told = client.post(
        "/search/text", json={"query": query, "k": 9, "target": "text", "filter": {"field": "test", "eq": mark}}
    ).json()
    return [(hit["id"], hit["distance"]) for hit in told["hits"]]


def everything(client: httpx.Client, mark: str) -> dict[str, Any]:
    """What is told of the items of a test, with pictures, and what a search finds."""
    items = {name: client.get(f"/index/{mark}-{name}").json() for name in ("dog", "bus", "plate")}
    pictures = {name: client.get(f"/index/{mark}-{name}/image").content for name in ("dog", "bus")}
    return {"items": items, "pictures": pictures, "hits": hits(client, "a dog in the city", mark)}


def test_without_redis_searches_and_writes_go_on_and_with_it_the_cache_is_used_again(stack: Stack, client, held):
    found = hits(client, "a dog", held)
    stack.compose("stop", "redis")
    try:
        stack.wait_for_cache("degraded")
        assert stack.readiness()["status"] == "ready"
        assert hits(client, "a dog", held) == found
        assert hits(client, f"asked without Redis {held}", held)
        answer = client.post(
            "/index", json={"items": [{"id": f"{held}-plate", "text": "another plate", "payload": {"test": held}}]}
        )
        assert answer.json()["n_replaced"] == 1
    finally:
        stack.compose("start", "redis")
    stack.wait_for_cache("ok")
    n_kept = int(stack.redis("dbsize"))
    questions = iter(range(10_000))
    until(
        lambda: bool(hits(client, f"asked with Redis {held} {next(questions)}", held)) and int(stack.redis("dbsize")) > n_kept,
        "Redis keeps codes again",
    )


def test_a_restart_loses_nothing_and_codes_are_in_redis_still(stack: Stack, client, held):
    asked = {"query": f"asked before the restart {held}", "k": 1}
    assert client.post("/search/text", json=asked).json()["query"]["cached"] is False
    before = everything(client, held)
    stack.compose("restart", "api")
    stack.wait_ready()
    assert client.post("/search/text", json=asked).json()["query"]["cached"] is True
    assert everything(client, held) == before


def test_a_kill_loses_nothing_that_was_acknowledged(stack: Stack, client, held):
    before = everything(client, held)
    stack.compose("kill", "api")
    stack.up()
    assert everything(client, held) == before


def test_down_and_up_loses_nothing(stack: Stack, client, held):
    before, n_items = everything(client, held), client.get("/index/count").json()
    stack.compose("down")
    assert stack.readiness() is None
    stack.up()
    assert everything(client, held) == before
    assert client.get("/index/count").json() == n_items


def test_a_stop_is_clean(stack: Stack):
    stack.compose("stop", "api")
    state = stack.inspect()["State"]
    stack.up()
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


def test_entries_of_the_cache_expire(stack: Stack, client, mark, tmp_path):
    asked = {"query": f"soon forgotten {mark}", "k": 1}
    settings = {"BITLENS_CACHE_TTL_S": "2", "BITLENS_CACHE_ENTRIES": "0"}

    def is_known() -> bool:
        return bool(client.post("/search/text", json=asked).json()["query"]["cached"])

    with stack.changed(tmp_path / "short.yml", api={"environment": settings}):
        stack.up()
        others = set(stack.redis("--scan").split())
        assert not is_known()
        until(is_known, "the code is in Redis")
        kept = set(stack.redis("--scan").split()) - others
        assert kept
        until(lambda: not kept & set(stack.redis("--scan").split()), "the code is gone from Redis")
        assert not is_known()


def test_redis_keeps_each_code_for_a_while_only(stack: Stack, client, mark):
    client.post("/search/text", json={"query": f"kept for a while {mark}", "k": 1})
    until(lambda: stack.redis("--scan") != "", "the code is in Redis")
    assert "-1" not in [stack.redis("ttl", key) for key in stack.redis("--scan").split()[:20]]


def test_an_open_service_answers_under_its_own_names_only(stack: Stack):
    if stack.inspect()["HostConfig"]["NetworkMode"] != "host":
        assert stack.inside("python", "-c", "import urllib.request as u; print(u.urlopen('http://api:8000/stats').status)") == "200"
    for name, status in (("api:8000", 200), ("rebound.example:8000", 403)):
        assert httpx.get(f"{stack.url}/stats", headers={"Host": name}, timeout=60).status_code == status


def test_keys_stand_in_a_file_of_the_operators(stack: Stack, tmp_path):
    secret = "a" * 64
    keys = tmp_path / "api.keys"
    keys.write_text(f"me:read:{digest_of(secret)}\n")
    keys.chmod(0o644)
    asked = {"query": "who may ask", "k": 1}
    with stack.told(BITLENS_KEYS_FILE=str(keys)):
        stack.up()
        for headers, status in (({}, 401), ({"X-API-Key": "wrong"}, 401), ({"X-API-Key": secret}, 200)):
            assert httpx.post(f"{stack.url}/search/text", json=asked, headers=headers, timeout=60).status_code == status
        assert httpx.get(f"{stack.url}/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
