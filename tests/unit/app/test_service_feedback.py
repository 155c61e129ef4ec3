"""Judgements of hits over HTTP."""

import json

import pytest

from app import feedback_schemas
from app.feedback_schemas import MAX_JUDGEMENTS
from app.keys import new_key
from tests.builders import fake_parts, index, is_problem, logged_lines, packed, picture, running, search, settings_for

CODE, BUNDLE = packed("red cat").hex(), "fake-bundle"
QUERY = {"code": CODE, "modality": "text", "bundle_id": BUNDLE}
SAID = {"query": QUERY, "id": "a", "target": "image", "relevant": True}


@pytest.fixture
def client(client):
    index(client, {"id": "a", "text": "red cat", "image": "f"}, pictures={"f": picture("red cat sleeps")})
    index(client, {"id": "b", "text": "blue boat"})
    return client


def judge(client, *said, status=200, **headers):
    body = json.dumps({"judgements": said})
    response = client.post("/feedback", content=body, headers={"content-type": "application/json", **headers})
    assert response.status_code == status, response.text
    return response.json()


def kept(client):
    return client.get("/feedback").json()["judgements"]


def test_what_a_search_answers_is_what_is_judged(client):
    answer = search(client, "red cat")
    hit = answer["hits"][0]
    done = judge(client, {"query": answer["query"], "id": hit["id"], "target": hit["target"], "relevant": False})
    assert done == {
        "results": [{"id": "a", "status": "added", "distance": hit["distance"]}],
        "n_added": 1,
        "n_replaced": 0,
        "n_failed": 0,
    }
    [one] = kept(client)
    assert one.pop("judged_at").endswith("Z")
    assert one == {"query": QUERY, "id": "a", "target": "image", "relevant": False, "distance": hit["distance"], "note": None}


def test_a_code_may_be_base64_too_and_the_last_word_counts(client):
    code = client.post("/encode", json={"inputs": [{"text": "red cat"}], "relaxed": False}).json()["results"][0]["base64"]
    done = judge(client, SAID, {**SAID, "query": {**QUERY, "code": code}, "relevant": False})
    assert [one["status"] for one in done["results"]] == ["added", "replaced"]
    assert [one["relevant"] for one in kept(client)] == [False]


@pytest.mark.parametrize(
    ("change", "slug", "item_id"),
    [
        ({"id": "nobody"}, "unknown-item", "nobody"),
        ({"id": "b"}, "invalid-request", "b"),
        ({"relevant": 1}, "invalid-request", None),
        ({"target": "sound"}, "invalid-request", None),
        ({"query": {**QUERY, "code": "00"}}, "invalid-request", "a"),
        ({"query": {**QUERY, "modality": None}}, "invalid-request", None),
        ({"query": {"code": CODE, "modality": "text"}}, "invalid-request", None),
        ({"note": "x" * 1_001}, "invalid-request", None),
        ({"note": "\ud800"}, "invalid-request", None),
        ({"text": "red cat"}, "invalid-request", None),
    ],
)
def test_a_bad_judgement_fails_alone(client, change, slug, item_id):
    done = judge(client, {**SAID, **change}, SAID)
    failed, good = done["results"]
    assert (failed["id"], failed["status"], failed["error"]["type"]) == (item_id, "failed", f"/problems/{slug}")
    assert (good["status"], done["n_failed"], len(kept(client))) == ("added", 1, 1)


def test_one_of_another_bundle_makes_the_call_fail(client):
    other = {**SAID, "query": {**QUERY, "bundle_id": "another"}}
    is_problem(client.post("/feedback", json={"judgements": [SAID, other]}), 409, "bundle-mismatch")
    assert kept(client) == []


@pytest.mark.parametrize("judgements", [[], [SAID] * (MAX_JUDGEMENTS + 1), "yes", None])
def test_a_call_has_some_judgements_and_not_too_many(client, judgements):
    is_problem(client.post("/feedback", json={"judgements": judgements}), 422, "invalid-request")


def test_a_body_that_is_too_large_is_not_read(client):
    is_problem(client.post("/feedback", json={"judgements": ["x" * 600_000]}), 413, "request-too-large")


def test_a_call_may_be_sent_again(client):
    key = {"idempotency-key": "k"}
    first = judge(client, SAID, **key)
    assert judge(client, SAID, **key) == first
    is_problem(
        client.post("/feedback", json={"judgements": [{**SAID, "relevant": False}]}, headers=key), 422, "idempotency-key-reused"
    )
    assert [one["relevant"] for one in kept(client)] == [True]


def test_so_many_are_kept_as_the_settings_say(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path, max_judgements=1)) as client:
        index(client, {"id": "a", "text": "red cat"})
        said = {**SAID, "target": "text"}
        judge(client, said)
        judge(client, said)
        full = client.post("/feedback", json={"judgements": [{**said, "query": {**QUERY, "modality": "image"}}]})
        assert is_problem(full, 422, "invalid-request")
        assert "BITLENS_MAX_JUDGEMENTS" in full.json()["detail"]


def test_words_are_kept_only_as_a_note_and_never_logged(client):
    with logged_lines() as lines:
        judge(client, {**SAID, "note": "a secret of mine"})
        client.get("/feedback")
        client.delete("/feedback?item=a")
    assert "secret" not in str(lines)


def test_judgements_come_page_by_page(client):
    judge(client, *({**SAID, "query": {**QUERY, "code": f"{number:016x}"}} for number in range(5)))
    found, cursor = [], None
    while True:
        page = client.get("/feedback", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found, cursor = found + page["judgements"], page["next_cursor"]
        if cursor is None:
            break
    assert [int(one["query"]["code"], 16) for one in found] == list(range(5))
    is_problem(client.get("/feedback?cursor=x"), 422, "invalid-request")


def test_a_deleted_item_takes_its_name_and_the_note_with_it(client):
    judge(client, {**SAID, "note": "mine"})
    client.delete("/index/a")
    [one] = kept(client)
    assert (one["id"], one["note"], one["relevant"]) == (None, None, True)
    assert client.get("/stats").json()["judgements"] == {"text-image": {"n": 1, "n_relevant": 1}}


@pytest.mark.parametrize(("which", "left"), [("item=a", 1), (f"code={CODE}", 1), ("all=true", 0), ("item=nobody", 3)])
def test_judgements_are_forgotten_by_item_by_query_or_all(client, which, left):
    judge(client, SAID, {**SAID, "id": "b", "target": "text", "query": {**QUERY, "code": "00" * 8}}, {**SAID, "target": "text"})
    key = {"idempotency-key": "k"}
    for _ in range(2):
        assert client.delete(f"/feedback?{which}", headers=key).json() == {"n_deleted": 3 - left}
    assert len(kept(client)) == left


@pytest.mark.parametrize("which", ["", "all=false", "item=a&all=true", f"item=a&code={CODE}", "code=00"])
def test_which_judgements_are_forgotten_must_be_said(client, which):
    judge(client, SAID)
    is_problem(client.delete(f"/feedback?{which}"), 422, "invalid-request")
    assert len(kept(client)) == 1


def test_stats_count_judgements_by_direction(client):
    said = [SAID, {**SAID, "relevant": False, "query": {**QUERY, "modality": "image"}}, {**SAID, "id": "b", "target": "text"}]
    judge(client, *said)
    assert client.get("/stats").json()["judgements"] == {
        "text-image": {"n": 1, "n_relevant": 1},
        "image-image": {"n": 1, "n_relevant": 0},
        "text-text": {"n": 1, "n_relevant": 1},
    }


def test_a_reader_may_judge_a_writer_forget_and_an_administrator_look_and_recalibrate(tmp_path):
    keys = {role: new_key(role, role) for role in ("read", "write", "admin")}
    settings = settings_for(tmp_path, keys=",".join(str(key) for _, key in keys.values()))
    asked = {"POST /feedback": "read", "DELETE /feedback": "write", "GET /feedback": "admin"}
    asked |= {"POST /recalibrate": "admin", "DELETE /recalibrate": "admin"}
    with running(fake_parts(tmp_path), settings) as client:
        for address, needed in asked.items():
            answers = [client.request(*address.split(), headers={"x-api-key": keys[role][0]}).status_code for role in keys]
            assert [status == 403 for status in answers] == [role_number < list(keys).index(needed) for role_number in range(3)]


@pytest.mark.parametrize("name", ["FeedbackIn", "FeedbackOut", "JudgementsOut", "ForgottenOut", "RecalibrateOut"])
def test_the_examples_are_what_they_say(name):
    model = getattr(feedback_schemas, name)
    [example] = model.model_config["json_schema_extra"]["examples"]
    assert model.model_validate(example).model_dump(exclude_unset=True) == example
