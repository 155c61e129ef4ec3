import json
from urllib.parse import quote

import pytest

from tests.builders import BUNDLE_ID, index, is_problem, picture, search

RED_CAT, BLUE_DOG = picture("red cat"), picture("blue dog")


def address(item_id: str) -> str:
    return f"/index/{quote(item_id, safe='')}"


def test_an_item_comes_back_as_it_was_sent(client):
    index(client, {"id": "cat", "text": " red  cat", "image": "f", "payload": {"a": [1, None]}}, pictures={"f": RED_CAT})
    item = client.get("/index/cat").json()
    assert (item["id"], item["text"], item["payload"]) == ("cat", " red  cat", {"a": [1, None]})
    assert (item["image"]["media_type"], item["image"]["width"], item["image"]["height"]) == ("image/png", 12, 9)
    assert item["codes"]["image"] == item["codes"]["text"]
    assert (item["image_url"], item["bundle_id"]) == ("/index/cat/image", BUNDLE_ID)


def test_a_payload_may_hold_numbers_of_any_size_and_any_characters(client):
    payload = {"n": 10**60, "é\u2028\x00": ["👩‍👩‍👧", -0.5, {"deep": {"er": []}}]}
    index(client, {"id": "a", "text": "x", "payload": payload})
    assert client.get("/index/a").json()["payload"] == payload
    assert search(client, "x", target="text")["hits"][0]["payload"] == payload


def test_a_payload_of_null_is_an_empty_one(client):
    index(client, {"id": "a", "text": "x", "payload": None})
    assert client.get("/index/a").json()["payload"] == {}


def test_what_became_of_each_item_is_told_in_order(client):
    index(client, {"id": "old", "text": "one"})
    answer = index(client, {"id": "new", "text": "two"}, {"id": "old", "text": "three"})
    assert answer["results"] == [{"id": "new", "status": "added"}, {"id": "old", "status": "replaced"}]
    assert (answer["n_added"], answer["n_replaced"], answer["n_failed"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("bad", "slug", "status"),
    [
        ({"id": "bad"}, "invalid-request", 422),
        ({"id": "bad", "text": " "}, "empty-text", 422),
        ({"id": "bad", "text": "x" * 101}, "invalid-request", 422),
        ({"id": "bad", "text": "x", "colour": "red"}, "invalid-request", 422),
        ({"id": "bad", "text": "x", "payload": []}, "invalid-request", 422),
        ({"id": "bad", "text": "x", "payload": {"long": "x" * 200}}, "invalid-request", 422),
        ({"id": "bad", "image": "nowhere"}, "invalid-request", 422),
        ({"id": "bad", "image": "broken"}, "undecodable-image", 422),
        ({"id": "bad", "image": "pdf"}, "unsupported-media-type", 415),
        ({"id": "bad", "image": "huge"}, "image-too-large", 413),
        ({"id": "", "text": "x"}, "invalid-request", 422),
        ({"id": "a\nb", "text": "x"}, "invalid-request", 422),
        ({"id": "..", "text": "x"}, "invalid-request", 422),
        ({"id": "x" * 257, "text": "x"}, "invalid-request", 422),
        ({"text": "x"}, "invalid-request", 422),
        ("no object", "invalid-request", 422),
    ],
)
def test_a_bad_item_fails_alone(client, bad, slug, status):
    files = {"good": RED_CAT, "broken": RED_CAT[:60], "pdf": b"%PDF-", "huge": picture(size=(200, 200))}
    answer = index(client, {"id": "one", "image": "good"}, bad, {"id": "two", "text": "fine"}, pictures=files)
    assert [result["status"] for result in answer["results"]] == ["added", "failed", "added"]
    error = answer["results"][1]["error"]
    assert (error["type"], error["status"], answer["n_failed"]) == (f"/problems/{slug}", status, 1)
    assert client.get("/readyz").json()["n_items"] == 2


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_payload_holds_only_what_json_can_say(client, number):
    body = f'{{"items": [{{"id": "a", "text": "x", "payload": {{"n": {number}}}}}]}}'
    response = client.post("/index", content=body, headers={"content-type": "application/json"})
    assert response.json()["n_failed"] == 1


@pytest.mark.parametrize("content", ["{", "5", '{"items": {}}', '{"items": [], "more": 1}', "[" * 1000, '{"items": ["\\ud800"]}'])
def test_a_list_that_cannot_be_read_fails_as_a_whole(client, content):
    response = client.post("/index", content=content, headers={"content-type": "application/json"})
    is_problem(response, 422, "invalid-request")


def test_other_media_types_are_not_accepted(client):
    is_problem(client.post("/index", content="id,text", headers={"content-type": "text/csv"}), 415, "unsupported-media-type")
    is_problem(client.post("/index"), 415, "unsupported-media-type")


def test_too_many_items_are_refused(client):
    items = [{"id": str(number), "text": "x"} for number in range(41)]
    is_problem(client.post("/index", json={"items": items}), 422, "invalid-request")


@pytest.mark.parametrize(
    "files", [[("f", RED_CAT)], [("items", b"[]"), ("items", b"[]")], [("items", b"[]"), ("f", b"1"), ("f", b"2")]]
)
def test_a_form_needs_one_part_items_and_names_of_their_own(client, files):
    response = client.post("/index", files=[(name, (name, content)) for name, content in files])
    is_problem(response, 422, "invalid-request")


def test_the_items_of_a_form_may_come_as_a_file_and_as_an_object(client):
    content = json.dumps({"items": [{"id": "cat", "image": "f"}]})
    files = {"items": ("items.json", content, "application/json"), "f": ("f.png", RED_CAT)}
    assert client.post("/index", files=files).json()["n_added"] == 1


def test_a_broken_form_is_a_clients_mistake(client):
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        response = client.post("/index", content=b"--y\r\n\r\nnothing", headers={"content-type": content_type})
        assert response.status_code in {400, 422}
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "item_id", ["a/b", "a/image", "image", "/", "a/", "//x", "ü 漢字 👩‍👩‍👧", "%2F", "a%2Fb", "a?b#c", "a b+c", "..x", ";"]
)
def test_any_id_can_be_addressed(client, item_id):
    index(client, {"id": item_id, "text": "red", "image": "f"}, pictures={"f": RED_CAT})
    item = client.get(address(item_id)).json()
    assert item["id"] == item_id
    assert client.get(item["image_url"]).content == RED_CAT
    assert client.delete(address(item_id)).status_code == 204
    is_problem(client.get(address(item_id)), 404, "unknown-item")


def test_an_id_that_ends_in_image_is_not_taken_for_a_picture(client):
    index(client, {"id": "a", "text": "x", "image": "f"}, {"id": "a/image", "text": "y"}, pictures={"f": RED_CAT})
    assert client.get("/index/a/image").headers["content-type"] == "image/png"
    assert client.get("/index/a%2Fimage").json()["id"] == "a/image"


def test_slashes_may_be_sent_as_they_are(client):
    index(client, {"id": "a/b", "text": "x", "image": "f"}, pictures={"f": RED_CAT})
    assert client.get("/index/a/b").json()["id"] == "a/b"
    assert client.get("/index/a/b/image").content == RED_CAT


@pytest.mark.parametrize("path", ["/index/nobody", "/index/nobody/image", "/index/%FF", "/index/", "/index//image"])
def test_an_unknown_item_is_told(client, path):
    is_problem(client.get(path), 404, "unknown-item")


def test_an_item_without_a_picture_has_none(client):
    index(client, {"id": "words", "text": "x"})
    assert client.get("/index/words").json()["image_url"] is None
    is_problem(client.get("/index/words/image"), 404, "unknown-item")


def test_deleting_twice_is_told(client):
    index(client, {"id": "cat", "text": "x"})
    assert client.delete("/index/cat").status_code == 204
    is_problem(client.delete("/index/cat"), 404, "unknown-item")
    assert search(client, "x", target="text")["hits"] == []


def test_a_picture_is_sent_once_and_then_revalidated(client):
    index(client, {"id": "cat", "image": "f"}, pictures={"f": RED_CAT})
    first = client.get("/index/cat/image")
    assert (first.headers["cache-control"], first.headers["x-content-type-options"]) == ("no-cache", "nosniff")
    again = client.get("/index/cat/image", headers={"if-none-match": f'W/"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    index(client, {"id": "cat", "image": "f"}, pictures={"f": BLUE_DOG})
    changed = client.get("/index/cat/image", headers={"if-none-match": first.headers["etag"]})
    assert (changed.status_code, changed.content) == (200, BLUE_DOG)


def test_a_picture_asked_for_by_its_digest_may_be_kept_for_ever(client):
    index(client, {"id": "cat", "image": "f"}, pictures={"f": RED_CAT})
    sha256 = client.get("/index/cat").json()["image"]["sha256"]
    assert "immutable" in client.get(f"/index/cat/image?v={sha256}").headers["cache-control"]
    assert "immutable" not in client.get("/index/cat/image?v=other").headers["cache-control"]


def test_a_replaced_item_is_found_by_what_it_is_now(client):
    index(client, {"id": "x", "text": "red cat"}, {"id": "y", "text": "green bird"})
    index(client, {"id": "x", "text": "blue dog"})
    assert [hit["id"] for hit in search(client, "red cat", target="text", max_distance=5)["hits"]] == []
    assert [hit["id"] for hit in search(client, "blue dog", target="text", max_distance=5)["hits"]] == ["x"]


def test_an_unchanged_item_is_not_encoded_again(parts, client):
    item = {"id": "cat", "text": "red cat", "image": "f"}
    index(client, item, pictures={"f": RED_CAT})
    parts.cache.available = False  # so the codes can come from the catalogue only
    index(client, {**item, "payload": {"new": True}}, pictures={"f": RED_CAT})
    assert [len(encoder.batch_sizes) for encoder in parts.encoders.values()] == [1, 1]
    assert client.get("/index/cat").json()["payload"] == {"new": True}


def test_a_known_picture_under_another_id_is_not_encoded_again(parts, client):
    index(client, {"id": "a", "image": "f"}, {"id": "b", "image": "f"}, pictures={"f": RED_CAT})
    index(client, {"id": "c", "image": "f"}, pictures={"f": RED_CAT})
    assert parts.encoders["image"].batch_sizes == [1]
    assert len({client.get(f"/index/{name}").json()["codes"]["image"] for name in "abc"}) == 1


def test_pictures_are_encoded_in_batches(parts, client):
    items = [{"id": f"p{number}", "image": f"p{number}"} for number in range(40)]
    files = {f"p{number}": picture(f"word{number}") for number in range(40)}
    assert index(client, *items, pictures=files)["n_added"] == 40
    assert parts.encoders["image"].batch_sizes == [8, 8, 8, 8, 8]
    assert search(client, "word7", k=1)["hits"][0]["id"] == "p7"


def test_when_the_catalogue_refuses_the_request_fails_as_a_whole(parts, client):
    parts.catalog.failing = True
    response = client.post("/index", json={"items": [{"id": "a", "text": "x"}]})
    is_problem(response, 503, "catalogue-unavailable")
    assert "fake" not in response.text
    assert client.get("/readyz").json()["n_items"] == 0
    assert index(client, {"id": "a", "text": "x"})["n_added"] == 1


def test_no_items_are_no_mistake(client):
    assert index(client) == {"results": [], "n_added": 0, "n_replaced": 0, "n_failed": 0}
