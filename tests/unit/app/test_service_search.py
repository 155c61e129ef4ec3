import pytest

from tests.builders import BUNDLE_ID, index, is_problem, picture, search

RED_CAT, BLUE_DOG = picture("red cat"), picture("blue dog")


@pytest.fixture
def filled(client):
    items = [{"id": "cat", "image": "a", "payload": {"n": 1}}, {"id": "dog", "image": "b", "text": "blue dog"}]
    index(client, *items, {"id": "words", "text": "red cat"}, pictures={"a": RED_CAT, "b": BLUE_DOG})
    return client


def test_a_text_finds_pictures(filled):
    answer = search(filled, "red cat")
    assert [hit["id"] for hit in answer["hits"]] == ["cat", "dog"]
    unknown = {"expected_precision": None, "precision_interval": None}
    expected = {"id": "cat", "distance": 0, **unknown, "target": "image", "text": None, "payload": {"n": 1}}
    expected["image_url"] = "/index/cat/image"
    assert answer["hits"][0] == expected


def test_a_picture_finds_texts(filled):
    answer = search(filled, RED_CAT)
    assert [(hit["id"], hit["target"], hit["image_url"]) for hit in answer["hits"]] == [
        ("words", "text", None),
        ("dog", "text", "/index/dog/image"),
    ]


def test_the_target_may_be_the_querys_own_modality(filled):
    assert search(filled, "red cat", target="text")["hits"][0]["id"] == "words"
    assert search(filled, BLUE_DOG, target="image")["hits"][0]["id"] == "dog"


def test_the_answer_says_how_the_query_was_understood(filled):
    first, second = search(filled, "green bird")["query"], search(filled, " green  bird ")["query"]
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["code"] == second["code"]
    assert len(bytes.fromhex(first["code"])) == 8
    assert (first["modality"], first["bundle_id"]) == ("text", BUNDLE_ID)


@pytest.mark.parametrize("query", ["red cat", RED_CAT])
def test_k_and_the_radius_bound_the_answer(filled, query):
    assert len(search(filled, query, k=1)["hits"]) == 1
    assert len(search(filled, query, max_distance=0)["hits"]) == 1
    assert len(search(filled, query, max_distance=64)["hits"]) == 2


def test_an_empty_index_answers_no_hits(client):
    assert search(client, "anything")["hits"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": 5},
        {"query": "x", "k": 0},
        {"query": "x", "k": 21},
        {"query": "x", "k": 10**40},
        {"query": "x", "k": "ten"},
        {"query": "x", "max_distance": -1},
        {"query": "x", "max_distance": 65},
        {"query": "x", "target": "sound"},
        {"query": "x", "limit": 5},
        {"query": "x" * 101},
    ],
)
def test_a_wrong_text_search_is_told_what_is_wrong(client, body):
    is_problem(client.post("/search/text", json=body), 422, "invalid-request")


@pytest.mark.parametrize("form", [{"k": 0}, {"k": 21}, {"k": "ten"}, {"max_distance": -1}, {"max_distance": 65}, {"target": "x"}])
def test_a_wrong_image_search_is_told_what_is_wrong(client, form):
    is_problem(client.post("/search/image", files={"image": RED_CAT}, data=form), 422, "invalid-request")


def test_a_validation_error_names_the_field_and_does_not_echo_the_value(client):
    response = client.post("/search/text", json={"query": "x", "k": "my secret"})
    assert response.json()["errors"][0]["loc"] == ["body", "k"]
    assert "secret" not in response.text


def test_an_empty_text_has_its_own_status(client):
    is_problem(client.post("/search/text", json={"query": " \t"}), 422, "empty-text")


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b"no picture", 422, "undecodable-image"),
        (RED_CAT[:60], 422, "undecodable-image"),
        (b"", 422, "undecodable-image"),
        (b"%PDF-1.7", 415, "unsupported-media-type"),
        (picture(size=(200, 200)), 413, "image-too-large"),
        (b"x" * 50_001, 413, "image-too-large"),
    ],
)
def test_each_bad_picture_has_its_own_status(client, content, status, slug):
    is_problem(client.post("/search/image", files={"image": ("p.png", content)}), status, slug)


def test_a_picture_that_is_missing_or_no_file_is_told(client):
    is_problem(client.post("/search/image", data={"k": 3}), 422, "invalid-request")
    is_problem(client.post("/search/image", data={"image": "text"}), 422, "invalid-request")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"query": "\\ud800"}', b"null", b""])
def test_a_broken_body_is_a_clients_mistake(client, body):
    response = client.post("/search/text", content=body[:60_000], headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"
    response.text.encode()


def test_a_cache_that_is_down_changes_nothing_but_cached(parts, filled):
    parts.cache.available = False
    answers = [search(filled, "red cat") for _ in range(2)]
    assert [answer["query"]["cached"] for answer in answers] == [False, False]
    assert answers[0]["hits"][0]["id"] == "cat"


@pytest.fixture
def shop(client):
    """Seven items of one code, priced 0 to 6, and one of another code."""
    index(client, *({"id": f"cat {n}", "text": "red cat", "payload": {"price": n}} for n in range(7)), {"id": "dog", "text": "dog"})
    return client


CHEAP = {"field": "price", "lt": 3}


def test_a_text_search_takes_a_payload_filter(shop):
    hits = search(shop, "red cat", target="text", filter={"and": [CHEAP, {"not": {"field": "price", "eq": 1}}]})["hits"]
    assert [hit["id"] for hit in hits] == ["cat 0", "cat 2"]


def test_a_picture_search_takes_the_filter_as_json_in_its_form(shop):
    hits = search(shop, RED_CAT, filter='{"field": "price", "in": [6, 5]}')["hits"]
    assert [hit["id"] for hit in hits] == ["cat 5", "cat 6"]


@pytest.mark.parametrize("filtered", [{"field": "price"}, {"and": [CHEAP, 5]}, "text", [], {"not": {"not": 1}}])
def test_a_bad_filter_has_its_own_problem_that_says_where(shop, filtered):
    response = shop.post("/search/text", json={"query": "cat", "filter": filtered})
    assert is_problem(response, 422, "bad-filter")
    assert response.json()["detail"].startswith("filter")
    is_problem(shop.post("/search/image", files={"image": RED_CAT}, data={"filter": "{"}), 422, "bad-filter")


def test_equal_codes_are_given_once_if_wanted(shop):
    assert [hit["id"] for hit in search(shop, "red cat", target="text", dedupe=True)["hits"]] == ["cat 0", "dog"]
    assert [hit["id"] for hit in search(shop, RED_CAT, dedupe=True)["hits"]] == ["cat 0", "dog"]


@pytest.mark.parametrize("query", ["red cat", RED_CAT])
def test_pages_follow_one_another_to_the_end(shop, query):
    pages, more = [], {}
    while True:
        answer = search(shop, query, k=3, target="text", **more)
        pages.append([hit["id"] for hit in answer["hits"]])
        if answer["next_cursor"] is None:
            break
        more = {"cursor": answer["next_cursor"]}
    assert pages == [["cat 0", "cat 1", "cat 2"], ["cat 3", "cat 4", "cat 5"], ["cat 6", "dog"]]


def test_a_cursor_that_does_not_belong_is_refused(shop):
    cursor = search(shop, "red cat", k=3, target="text")["next_cursor"]
    for body in (
        {"query": "dog", "cursor": cursor},
        {"query": "red cat", "cursor": "x"},
        {"query": "red cat", "cursor": "x" * 101},
    ):
        is_problem(shop.post("/search/text", json={"target": "text", **body}), 422, "invalid-request")


def test_a_cursor_of_another_bundle_is_a_conflict(parts, shop):
    cursor = search(shop, "red cat", k=3, target="text")["next_cursor"]
    parts.catalog.bundle_id = "another"
    is_problem(shop.post("/search/text", json={"query": "red cat", "target": "text", "cursor": cursor}), 409, "bundle-mismatch")
