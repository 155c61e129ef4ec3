import pytest

from app.records import N_NAMED
from tests.builders import index, is_problem, picture, search

CAT, DOG = picture("red cat"), picture("blue dog")


def fill(client, n, **more):
    index(client, *({"id": f"i{number}", "text": f"word{number}", "payload": {"n": number}, **more} for number in range(n)))


def pages(client, limit):
    """Follows the cursors and returns the ids of each page."""
    found, cursor = [], None
    while not found or cursor is not None:
        page = client.get("/index", params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        found.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
    return found


def keyed(client, method, path, key="k", **what):
    return client.request(method, path, headers={"Idempotency-Key": key}, **what)


def test_items_are_listed_in_the_order_of_their_writing(client):
    fill(client, 5)
    index(client, {"id": "i1", "text": "again"})
    assert pages(client, 2) == [["i0", "i2"], ["i3", "i4"], ["i1"]]
    assert pages(client, 5) == [["i0", "i2", "i3", "i4", "i1"]]
    assert client.get("/index").json()["items"][0] == client.get("/index/i0").json()


def test_an_empty_catalogue_is_one_empty_page(client):
    assert pages(client, 3) == [[]]


def test_what_comes_and_goes_while_paging_disturbs_nobody_else(client):
    fill(client, 6)
    first = client.get("/index", params={"limit": 2}).json()
    client.delete("/index/i1")
    client.delete("/index/i2")
    index(client, {"id": "new", "text": "x"})
    rest = client.get("/index", params={"cursor": first["next_cursor"]}).json()
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == (["i3", "i4", "i5", "new"], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=nonsense", "cursor=" + "A" * 52])
def test_a_page_that_cannot_be_is_told(client, query):
    is_problem(client.get(f"/index?{query}"), 422, "invalid-request")


def test_items_are_looked_up_by_id_in_the_order_asked(client):
    fill(client, 3)
    answer = client.post("/index/lookup", json={"ids": ["i2", "none", "i0", "i2"]}).json()
    assert answer["items"] == [client.get(f"/index/{name}").json() if name else None for name in ("i2", "", "i0", "i2")]


@pytest.mark.parametrize("ids", [[], ["a"] * 1001, [""], [7], "a"])
def test_a_lookup_that_cannot_be_is_told(client, ids):
    is_problem(client.post("/index/lookup", json={"ids": ids}), 422, "invalid-request")


def listed(client, **asked):
    page = client.post("/index/list", json=asked).json()
    return [item["id"] for item in page["items"]], page["next_cursor"]


def test_items_that_match_a_filter_are_listed_page_by_page(client):
    fill(client, 9)
    wanted = {"field": "n", "in": [1, 3, 4, 7, 8]}
    first, cursor = listed(client, filter=wanted, limit=2)
    index(client, {"id": "i1", "text": "again", "payload": {"n": 1}})
    client.delete("/index/i4")
    second, cursor = listed(client, filter=wanted, limit=2, cursor=cursor)
    third, end = listed(client, filter=wanted, limit=2, cursor=cursor)
    assert (first, second, third, end) == (["i1", "i3"], ["i7", "i8"], ["i1"], None)


def test_a_list_without_a_filter_is_the_list_of_all_items(client):
    fill(client, 3)
    ids, cursor = listed(client, limit=2)
    assert client.get("/index", params={"cursor": cursor}).json()["items"][0]["id"] == "i2"
    assert ids == ["i0", "i1"]
    assert listed(client, filter={"field": "n", "gt": 9}) == ([], None)


def test_a_filtered_page_that_cannot_be_is_told(client):
    fill(client, 3)
    cursor = listed(client, filter={"field": "n", "gte": 0}, limit=1)[1]
    is_problem(client.post("/index/list", json={"filter": {"field": "n", "gte": 1}, "cursor": cursor}), 422, "invalid-request")
    is_problem(client.post("/index/list", json={"cursor": cursor}), 422, "invalid-request")
    is_problem(client.post("/index/list", json={"filter": {"field": "n"}}), 422, "bad-filter")
    is_problem(client.post("/index/list", json={"limit": 0}), 422, "invalid-request")


def test_items_are_counted_with_and_without_a_filter(client):
    fill(client, 5)
    assert client.get("/index/count").json() == {"n_items": 5}
    assert client.post("/index/count", json={}).json() == {"n_items": 5}
    assert client.post("/index/count", json={"filter": {"field": "n", "gte": 3}}).json() == {"n_items": 2}
    is_problem(client.post("/index/count", json={"filter": {"field": "n"}}), 422, "bad-filter")


def test_many_items_are_deleted_and_each_is_told(client):
    fill(client, 3)
    answer = client.post("/index/delete", json={"ids": ["i0", "nobody", "i2", "i0"]}).json()
    assert [result["status"] for result in answer["results"]] == ["deleted", "unknown", "deleted", "unknown"]
    assert (answer["n_deleted"], answer["n_unknown"]) == (2, 2)
    assert pages(client, 9) == [["i1"]]
    assert [hit["id"] for hit in search(client, "word0", target="text")["hits"]] == ["i1"]


def test_items_are_deleted_by_a_filter(client):
    fill(client, 6)
    assert client.post("/index/delete", json={"filter": {"field": "n", "lt": 4}}).json() == {"n_deleted": 4, "n_unknown": 0}
    assert pages(client, 9) == [["i4", "i5"]]
    assert client.post("/index/delete", json={"filter": {"field": "n", "lt": 4}}).json() == {"n_deleted": 0, "n_unknown": 0}
    assert client.get("/readyz").json()["checks"]["index"] == "ok"


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ({}, "invalid-request"),
        ({"ids": ["a"], "filter": {"field": "n", "eq": 1}}, "invalid-request"),
        ({"ids": [""]}, "invalid-request"),
        ({"ids": "a"}, "invalid-request"),
        ({"ids": ["x"] * 10_001}, "invalid-request"),
        ({"filter": {}}, "bad-filter"),
        ({"filter": {"field": "n", "eq": [1]}}, "bad-filter"),
    ],
)
def test_a_deletion_that_is_none_deletes_nothing(client, asked, slug):
    fill(client, 2)
    is_problem(client.post("/index/delete", json=asked), 422, slug)
    assert client.get("/index/count").json() == {"n_items": 2}


@pytest.mark.parametrize("name", ["delete", "count", "duplicates"])
def test_an_item_may_have_the_name_of_a_route(client, name):
    index(client, {"id": name, "text": "x"})
    address = f"/index/%{ord(name[0]):02x}{name[1:]}"
    assert client.get(address).json()["id"] == name
    assert client.delete(address).status_code == 204


def test_items_with_the_same_picture_or_text_are_told(client):
    first = index(client, {"id": "a", "text": "one", "image": "f"}, {"id": "b", "image": "f"}, pictures={"f": CAT})
    assert [result["same_image"] for result in first["results"]] == [["b"], ["a"]]
    second = index(
        client, {"id": "c", "text": "one", "image": "g"}, {"id": "d", "text": "two", "image": "f"}, pictures={"g": DOG, "f": CAT}
    )
    assert second["results"] == [
        {"id": "c", "status": "added", "same_text": ["a"]},
        {"id": "d", "status": "added", "same_image": ["a", "b"]},
    ]


def test_an_item_is_no_duplicate_of_what_it_replaces(client):
    index(client, {"id": "a", "text": "one", "image": "f"}, pictures={"f": CAT})
    answer = index(client, {"id": "a", "text": "one", "image": "f"}, pictures={"f": CAT})
    assert answer["results"] == [{"id": "a", "status": "replaced"}]


def test_duplicates_are_listed_group_by_group(client):
    pictures = {f"f{number}": picture(f"word{number}") for number in range(4)}
    items = [{"id": f"{name}{number}", "image": f"f{number}"} for number in range(3) for name in "ab"]
    index(client, *items, {"id": "alone", "image": "f3", "text": "t"}, {"id": "too", "text": "t"}, pictures=pictures)
    groups, cursor = [], None
    while not groups or cursor:
        page = client.get("/index/duplicates", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        groups += page["groups"]
        cursor = page["next_cursor"]
    assert sorted(group["ids"] for group in groups) == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
    texts = client.get("/index/duplicates?modality=text").json()
    assert [(group["ids"], group["n_items"]) for group in texts["groups"]] == [(["alone", "too"], 2)]
    is_problem(client.get("/index/duplicates?cursor=x"), 422, "invalid-request")
    is_problem(client.get("/index/duplicates?modality=smell"), 422, "invalid-request")


def test_only_the_first_of_many_duplicates_are_named(client):
    index(client, *({"id": f"i{number:02}", "text": "same"} for number in range(30)))
    [group] = client.get("/index/duplicates?modality=text").json()["groups"]
    assert (group["n_items"], len(group["ids"])) == (30, N_NAMED)
    [result] = index(client, {"id": "i00", "text": "same"})["results"]
    assert result["same_text"] == [f"i{number:02}" for number in range(1, N_NAMED + 1)]


def test_a_write_with_a_key_is_answered_again(client):
    asked = {"json": {"items": [{"id": "a", "text": "x"}, {"id": ""}]}}
    first = keyed(client, "POST", "/index", **asked)
    client.delete("/index/a")
    again = keyed(client, "POST", "/index", **asked)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert first.json()["n_failed"] == 1
    assert "idempotency-replayed" not in first.headers
    assert client.get("/index/count").json() == {"n_items": 0}


def test_a_form_with_a_key_is_the_same_whatever_its_boundary(client):
    for replayed in (None, "true"):
        files = {"items": (None, '[{"id": "a", "image": "f"}]'), "f": ("f", CAT)}
        answer = keyed(client, "POST", "/index", files=files)
        assert (answer.json()["n_added"], answer.headers.get("idempotency-replayed")) == (1, replayed)
    other = keyed(client, "POST", "/index", files={"items": (None, '[{"id": "a", "image": "f"}]'), "f": ("f", DOG)})
    is_problem(other, 422, "idempotency-key-reused")


def test_deletions_with_a_key_are_answered_again(client):
    fill(client, 4)
    asked = {
        "one": ("DELETE", "/index/i0", {}),
        "some": ("POST", "/index/delete", {"json": {"ids": ["i1", "i2"]}}),
        "all": ("POST", "/index/delete", {"json": {"filter": {"field": "n", "exists": True}}}),
    }
    first = {key: keyed(client, method, path, key, **what) for key, (method, path, what) in asked.items()}
    fill(client, 4)
    again = {key: keyed(client, method, path, key, **what) for key, (method, path, what) in asked.items()}
    assert [answer.status_code for answer in first.values()] == [204, 200, 200]
    assert [answer.content for answer in again.values()] == [answer.content for answer in first.values()]
    assert {answer.headers["idempotency-replayed"] for answer in again.values()} == {"true"}
    assert client.get("/index/count").json() == {"n_items": 4}


def test_a_key_for_something_else_or_no_key_at_all_is_told(client):
    keyed(client, "POST", "/index", json={"items": []})
    is_problem(keyed(client, "POST", "/index", json={"items": [{"id": "a", "text": "x"}]}), 422, "idempotency-key-reused")
    is_problem(keyed(client, "POST", "/index/delete", json={"ids": []}), 422, "idempotency-key-reused")
    is_problem(keyed(client, "POST", "/index", key="a b", json={"items": []}), 422, "invalid-request")


def test_when_the_catalogue_refuses_no_answer_is_kept(parts, client):
    asked = {"json": {"items": [{"id": "a", "text": "x"}]}}
    parts.catalog.failing = True
    is_problem(keyed(client, "POST", "/index", **asked), 503, "catalogue-unavailable")
    again = keyed(client, "POST", "/index", **asked)
    assert (again.json()["n_added"], again.headers.get("idempotency-replayed")) == (1, None)


def test_deleting_what_is_not_there_with_a_key_stays_unknown(client):
    for _ in range(2):
        is_problem(keyed(client, "DELETE", "/index/nobody"), 404, "unknown-item")
