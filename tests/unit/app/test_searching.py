import io

import httpx
import pytest
from rich.console import Console

from app.asking import address_of, service_at
from app.client import Client, Retries
from app.familiarity import UNFAMILIAR as OF_SERVICE
from app.hit_view import show
from app.searching import UNFAMILIAR, Lacking, find, find_where_items_are, is_strange, read_filters, without_chances
from model.errors import ConfigError, HashingError
from tests.builders import index, picture
from tests.client_world import Script, ToApplication

URL = "http://testserver"
KITTY = {"TERM": "xterm-kitty"}


@pytest.fixture
def asked(client):
    """A client as commands have it, before a service of fakes with three items."""
    items = [{"id": "cat", "text": "red cat", "image": "f0", "payload": {"album": 7}}, {"id": "dog", "image": "f1"}]
    index(client, *items, {"id": "bird", "text": "a bird"}, pictures={"f0": picture("red cat"), "f1": picture("blue dog")})
    with Client(URL, transport=ToApplication(client)) as ours:
        yield ours


def ids(found):
    return [hit["id"] for hit in found["hits"]]


def test_words_find_pictures_and_a_file_finds_texts(asked, tmp_path):
    assert ids(find(asked, "blue dog", {"k": 1})) == ["dog"]
    (tmp_path / "a picture.png").write_bytes(picture("a bird"))
    assert ids(find(asked, str(tmp_path / "a picture.png"), {"k": 1})) == ["bird"]
    assert ids(find(asked, str(tmp_path / "a picture.png"), {"k": 5, "target": "image"})) != []


def test_a_file_that_is_not_there_is_not_searched_for_in_words(asked, tmp_path):
    with pytest.raises(ConfigError, match=r"there is no file .*dog\.jpg: give the path of a picture, or words"):
        find(asked, str(tmp_path / "dog.jpg"), {})
    assert ids(find(asked, "red cat in cat.jpg", {"k": 1})) == ["cat"]


def test_an_address_is_fetched_by_the_service(client):
    ours = Client(URL, transport=ToApplication(client))
    with pytest.raises(HashingError, match="fetches no pictures"), service_at(URL, ours):
        find(ours, "https://example.org/dog.jpg", {})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ([], None),
        (["album=7"], {"field": "album", "eq": 7}),
        (["name=a b=c"], {"field": "name", "eq": "a b=c"}),
        (['{"field": "a", "gt": 1}'], {"field": "a", "gt": 1}),
        (["a=true", "b=x"], {"and": [{"field": "a", "eq": True}, {"field": "b", "eq": "x"}]}),
    ],
)
def test_filters_may_be_short(given, meant):
    assert read_filters(given) == meant


def test_filters_hold(asked):
    assert ids(find(asked, "red cat", {"k": 5, "filter": read_filters(["album=7"])})) == ["cat"]
    assert ids(find(asked, "red cat", {"k": 5, "filter": read_filters(["album=8"])})) == []


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (httpx.ReadError("gone"), HashingError, "no service answers at shop .*: start one with 'bitlens serve', or .* --url"),
        (httpx.Response(401), HashingError, "wants a key: set BITLENS_API_KEY"),
        (httpx.Response(401, json={"detail": "the key is not known"}), HashingError, "does not know this key"),
        (httpx.Response(403, json={"detail": "needs the role write"}), HashingError, "needs the role write; 'bitlens key new"),
        (
            httpx.Response(422, json={"title": "Bad filter", "detail": "filter: no"}),
            ConfigError,
            "says: 422 Bad filter: filter: no$",
        ),
        (httpx.Response(422, json={"errors": [{"loc": ["query", "k"], "msg": "too large"}]}), ConfigError, "^query.k: too large$"),
        (httpx.Response(500, json={"title": "Catalogue", "detail": "it failed"}), HashingError, "says: 500 Catalogue: it failed$"),
        (httpx.Response(200, text="<html>"), HashingError, "is this address the service's"),
    ],
)
def test_what_went_wrong_is_told_with_the_next_step(answer, error, told):
    ours = Client("http://shop", transport=Script(answer), retries=Retries(n_tries=1))
    with pytest.raises(error, match=told), service_at("shop", ours):
        ours.search_text("a dog")


@pytest.mark.parametrize("url", ["", "http://", "ftp://shop", "http://[::", "shop:port"])
def test_an_address_that_is_none_is_a_mistake(url):
    with pytest.raises(ConfigError, match="is no address of a service"):
        address_of(url)


def test_an_address_may_be_short():
    assert address_of("shop:80") == address_of("http://shop:80") == "http://shop:80"


def shown(asked, found, environment):
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    show(asked, found, environment=environment, console=console)
    return console.file.getvalue()


def test_hits_are_shown_with_their_pictures_where_they_have_one(asked):
    text = shown(asked, find(asked, "red cat", {"k": 2}), KITTY)
    assert text.count("\x1b_Ga=T") == 2
    assert "there are more" not in text
    assert "\x1b_G" not in shown(
        asked, find(asked, "red cat", {"k": 2, "target": "text", "filter": {"not": read_filters(["album=7"])}}), KITTY
    )


def test_without_an_environment_there_are_no_pictures_and_more_hits_are_hinted_at(asked):
    text = shown(asked, find(asked, "red cat", {"k": 1}), {})
    assert "\x1b_G" not in text
    assert "there are more: -k 2 shows twice as many" in text


def test_a_picture_that_cannot_be_had_is_left_out(asked):
    found = find(asked, "red cat", {"k": 1})
    asked.delete(found["hits"][0]["id"])
    assert "\x1b_G" not in (text := shown(asked, found, KITTY))
    assert "cat" in text


def test_where_no_texts_are_indexed_a_picture_finds_pictures_unless_texts_are_named(client, tmp_path):
    (query := tmp_path / "query.png").write_bytes(picture("blue dog"))
    with Client(URL, transport=ToApplication(client)) as ours:
        assert find_where_items_are(ours, str(query), {"k": 1})[1] == Lacking("text", None, is_instead=False)
        index(client, {"id": "dog", "image": "f"}, pictures={"f": picture("blue dog")})
        found, lacking = find_where_items_are(ours, str(query), {"k": 1})
        assert (ids(found), lacking) == (["dog"], Lacking("text", "image", is_instead=True))
        assert find_where_items_are(ours, str(query), {"target": "text"})[1] == Lacking("text", "image", is_instead=False)
        bounds = {"filter": {"field": "album", "eq": 8}}
        assert find_where_items_are(ours, "blue dog", bounds)[1] is None


def test_hits_of_a_strange_query_lose_their_chance(asked):
    found = find(asked, "red cat", {"k": 2})
    assert UNFAMILIAR == OF_SERVICE
    assert [is_strange({**found, "query": {**found["query"], "familiarity": share}}) for share in (None, 0.019, 0.02)] == [
        False,
        True,
        False,
    ]
    told = without_chances({**found, "hits": [{**hit, "expected_precision": 0.9} for hit in found["hits"]]})
    assert {hit["expected_precision"] for hit in told["hits"]} == {None}
