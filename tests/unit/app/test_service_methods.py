"""What is told of requests that are nearly right: methods, parameters, media types."""

import pytest

from tests.builders import fake_parts, index, is_problem, picture, running, settings_for


@pytest.fixture
def client(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        index(client, {"id": "a", "text": "red cat", "image": "f"}, pictures={"f": picture("red cat")})
        yield client


@pytest.mark.parametrize("address", ["/", "/livez", "/readyz", "/stats", "/index/a", "/index/a/image", "/operator"])
def test_head_is_get_without_the_body(client, address):
    got, head = client.get(address), client.head(address)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers.get("content-length") == got.headers.get("content-length") or address == "/stats"


def test_head_is_refused_where_get_is_and_named_where_it_is_allowed(client):
    assert client.head("/search/text").status_code == 405
    assert client.head("/index/none").status_code == 404
    assert client.post("/livez").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "address"), [("GET", "/index/count?filter=x"), ("POST", "/search/text?k=3"), ("DELETE", "/index/a?all=1")]
)
def test_a_parameter_that_would_be_passed_over_is_refused(client, method, address):
    refused = client.request(method, address, json={"query": "red cat"} if method == "POST" else None)
    is_problem(refused, 422, "invalid-request")
    assert "is no parameter of this address" in refused.json()["detail"]
    assert client.get("/index/a").status_code == 200


def test_json_that_is_sent_as_a_form_is_told_which_media_type_it_has_to_have(client):
    refused = client.post("/search/text", content='{"query":"a"}', headers={"Content-Type": "application/x-www-form-urlencoded"})
    is_problem(refused, 422, "invalid-request")
    assert refused.json()["detail"].startswith("the body is JSON, to be sent with Content-Type: application/json")
    assert "urlencoded" in refused.json()["detail"]
    assert "Content-Type" not in client.post("/search/text", json=[]).json()["detail"]


def test_words_of_the_validator_are_not_told(client):
    told = client.post("/search/text", json=["a"]).json()["detail"]
    assert told == "body: Input should be an object"
    assert (
        "Value error"
        not in client.post("/search/text", json={"query": "a", "bundle_id": "\ud800".encode("utf-8", "replace").decode()}).text
    )


def test_a_code_of_another_length_is_told_its_length(client):
    refused = client.post("/search/code", json={"code": "00", "modality": "text"})
    assert "has 16 hex digits" in refused.json()["detail"]


def test_a_text_of_what_cannot_be_read_is_not_called_empty(client):
    assert client.post("/search/text", json={"query": "\u200b"}).json()["detail"] == "nothing in the text can be read"
    assert client.post("/search/text", json={"query": "  "}).json()["detail"] == "the text is empty"
