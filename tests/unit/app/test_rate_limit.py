import pytest

from app.keys import new_key
from app.rate_limit import open_limiter
from app.serving import serve
from model.errors import ConfigError
from tests.builders import fake_parts, is_problem, running, settings_for

SHOP, BLOG = new_key("shop", "read"), new_key("blog", "read")


@pytest.fixture
def limited(tmp_path):
    settings = settings_for(tmp_path, rate_limit="3/hour", keys=f"{SHOP[1]},{BLOG[1]}")
    with running(fake_parts(tmp_path), settings) as client:
        yield client


def ask(client, secret):
    return client.post("/search/text", json={"query": "x"}, headers={"x-api-key": secret})


def test_a_caller_beyond_the_limit_is_told_when_to_come_back(limited):
    answers = [ask(limited, SHOP[0]) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    is_problem(answers[3], 429, "rate-limited")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 3600


def test_each_answer_says_how_much_is_left(limited):
    answers = [ask(limited, SHOP[0]) for _ in range(4)]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=3600'}


def test_callers_are_counted_one_by_one(limited):
    assert [ask(limited, SHOP[0]).status_code for _ in range(4)][-1] == 429
    assert ask(limited, BLOG[0]).status_code == 200


def test_whoever_guesses_keys_is_slowed_down_as_well(limited):
    assert [ask(limited, f"guess-{number}").status_code for number in range(4)] == [401, 401, 401, 429]
    assert ask(limited, SHOP[0]).status_code == 200


def test_health_and_the_page_are_not_counted(limited):
    assert [limited.get(path).status_code for path in ("/livez", "/readyz", "/") * 3] == [200] * 9


def test_without_keys_addresses_are_counted_and_this_machines_own_callers_are_not(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path, rate_limit="1/hour")) as client:
        assert [client.post("/search/text", json={"query": "x"}).status_code for _ in range(2)] == [200, 429]
        client._transport.client = ("127.0.0.1", 5000)
        assert [client.post("/search/text", json={"query": "x"}).status_code for _ in range(2)] == [200, 200]


def test_the_limit_can_be_switched_off_and_a_wrong_one_is_a_mistake():
    assert open_limiter("off", None) is None
    with pytest.raises(ConfigError, match="BITLENS_RATE_LIMIT"):
        open_limiter("many", None)


@pytest.mark.parametrize("wrong", [{"rate_limit": "foo"}, {"keys": "shop"}])
def test_a_wrong_limit_or_key_is_told_before_anything_is_made(tmp_path, wrong):
    with pytest.raises(ConfigError, match=r"BITLENS_(RATE_LIMIT|KEYS)"):
        serve(settings_for(tmp_path / "data", port=0, **wrong))
    assert not (tmp_path / "data").exists()


@pytest.mark.anyio
async def test_while_redis_is_away_counting_goes_on_in_this_process(caplog):
    limiter = open_limiter("2/hour", "redis://127.0.0.1:1/0")
    standings = [await limiter.hit("shop") for _ in range(3)]
    await limiter.close()
    assert [standing.is_allowed for standing in standings] == [True, True, False]
    assert caplog.text.count("outage begins") == 1
