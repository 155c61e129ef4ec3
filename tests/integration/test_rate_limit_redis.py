import pytest

from app.rate_limit import open_limiter


@pytest.mark.anyio
async def test_all_processes_count_together_where_there_is_a_redis(redis_url):
    one, another = open_limiter("3/hour", redis_url), open_limiter("3/hour", redis_url)
    standings = [await limiter.hit("counted-together") for limiter in (one, another, one, another)]
    await one.close()
    await another.close()
    assert [standing.is_allowed for standing in standings] == [True, True, True, False]
    assert [standing.remaining for standing in standings] == [2, 1, 0, 0]
