"""The service with a real Redis behind it: down means slower, never wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from app.cache.redis_cache import RedisCodeCache
from tests.builders import N_BITS, index, picture, real_parts, running, search, settings_for, two_worlds, whole_calibration


def cache_at(url: str) -> RedisCodeCache:
    return RedisCodeCache(url, ttl_s=60, n_bytes=N_BITS // 8)


def test_codes_outlive_the_service_in_redis(tmp_path, redis_url):
    queries = ["red cat", picture("red cat")]
    with running(real_parts(tmp_path, cache=cache_at(redis_url), bundle_id="outlive"), settings_for(tmp_path)) as client:
        first = [search(client, query)["query"] for query in queries]
    with running(real_parts(tmp_path, cache=cache_at(redis_url), bundle_id="outlive"), settings_for(tmp_path)) as client:
        second = [search(client, query)["query"] for query in queries]
    assert [answer["cached"] for answer in first + second] == [False, False, True, True]
    assert [answer["code"] for answer in first] == [answer["code"] for answer in second]


def test_an_outage_changes_no_answer(tmp_path, own_redis):
    with running(real_parts(tmp_path, cache=cache_at(own_redis.url)), settings_for(tmp_path)) as client:
        index(client, {"id": "cat", "text": "red cat", "image": "f"}, pictures={"f": picture("red cat")})
        before = search(client, "red cat")
        own_redis.stop()
        during = search(client, "red cat")
        assert index(client, {"id": "dog", "text": "blue dog"})["n_added"] == 1
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["cache"]) == (200, "degraded")
    assert during["hits"] == before["hits"]
    assert (before["query"]["cached"], during["query"]["cached"]) == (True, False)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0"])
def test_a_redis_that_was_never_there_does_not_keep_the_service_from_starting(tmp_path, url):
    with running(real_parts(tmp_path, cache=cache_at(url)), settings_for(tmp_path)) as client:
        assert search(client, "red cat")["query"]["cached"] is False
        assert client.get("/readyz").json()["checks"]["cache"] == "degraded"


def test_an_entry_of_a_wrong_length_is_made_anew(tmp_path, redis_url):

    with running(real_parts(tmp_path, cache=cache_at(redis_url), bundle_id="lengths"), settings_for(tmp_path)) as client:
        code = search(client, "red cat")["query"]["code"]
        with redis.Redis.from_url(redis_url) as connection:
            for key in connection.keys("bitlens:code:*"):
                connection.set(key, b"short")
        answer = search(client, "red cat")["query"]
    assert (answer["code"], answer["cached"]) == (code, False)


def test_familiarity_outlives_the_service_and_a_code_without_it_is_made_anew_once(tmp_path, redis_url):
    def asked(measure):
        parts = real_parts(tmp_path, cache=cache_at(redis_url), bundle_id="familiar")
        parts = replace(parts, calibration=replace(whole_calibration(bundle_id="familiar"), familiarity={"text": measure}))
        with running(parts, settings_for(tmp_path)) as client:
            answer = search(client, "strange cat")["query"]
            return answer["familiarity"], answer["cached"]

    measured, other = two_worlds(), two_worlds(n_known=9)
    assert [asked(measure) for measure in (two_worlds(None), measured, measured, other, other)] == [
        (None, False),
        (0.01, False),
        (0.01, True),
        (0.1, False),
        (0.1, True),
    ]
