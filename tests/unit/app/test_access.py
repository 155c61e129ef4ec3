"""Who may do what, for every method at every address of the application: the cases are made from its list of routes."""

from dataclasses import dataclass

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts

from app.keys import ROLES, new_key
from app.main import create_app
from app.routes.guarded import GuardedRoute, check_guarded
from app.settings import Settings
from tests.builders import fake_parts, index, is_problem, logged_lines, picture, running, settings_for

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READING_POSTS = ("/search", "/encode", "/compare", "/index/count", "/index/list", "/index/lookup")
SECRETS = {role: new_key(f"tenant-{role}", role) for role in ROLES}
CALLERS = {"no key": None, "wrong key": "bitlens_wrong", **{role: secret for role, (secret, _) in SECRETS.items()}}


@dataclass(frozen=True)
class Address:
    path: str
    regex: object
    methods: frozenset[str]
    needed: str


def addresses() -> list[Address]:
    """Returns every route that is declared, in the order in which they are tried."""
    contexts = iter_route_contexts(create_app(Settings()).routes)
    own = [context for context in contexts if isinstance(context.original_route, APIRoute)]
    return [Address(one.path, one.path_regex, frozenset(one.methods), one.original_route.needed) for one in own]


ADDRESSES = addresses()
PATHS = sorted({address.path.replace(":path}", "}") for address in ADDRESSES})


def sample(path: str) -> str:
    """Fills every parameter of a path with an ``x``."""
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))


def needed_for(method: str, path: str) -> str | None:
    """Returns what the route that serves a request declares, or None if the method is not allowed; HEAD needs what GET does."""
    asked = "GET" if method == "HEAD" else method
    serving = [one for one in ADDRESSES if one.regex.match(path) and asked in one.methods]
    return serving[0].needed if serving else None


def may(caller: str, needed: str) -> bool:
    return needed == "nothing" or (caller in ROLES and ROLES.index(caller) >= ROLES.index(needed))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    keys = ",".join(str(key) for _, key in SECRETS.values())
    with running(fake_parts(folder), settings_for(folder, keys=keys, rate_limit="off")) as client:
        yield client


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_every_route_lets_in_whom_it_declares_and_nobody_else(guarded, path, method, caller):
    secret = CALLERS[caller]
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    answer = guarded.request(method, sample(path), headers=headers)
    needed = needed_for(method, sample(path))
    if needed is None:
        assert answer.status_code == 405
    elif may(caller, needed):
        assert answer.status_code not in {401, 403, 405}
    else:
        assert answer.status_code == (403 if caller in ROLES else 401)
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_changes_something_needs_more_than_reading():
    changing = {
        (method, one.path): one.needed
        for one in ADDRESSES
        for method in one.methods - {"GET", "HEAD"}
        if not one.path.startswith(READING_POSTS) and (method, one.path) != ("POST", "/feedback")
    }
    assert changing
    assert {place: needed for place, needed in changing.items() if needed not in {"write", "admin"}} == {}


def test_only_the_pages_and_health_are_open(guarded):
    assert {one.path for one in ADDRESSES if one.needed == "nothing"} <= {"/", "/operator", "/docs", "/livez", "/readyz"}
    assert [guarded.get(path).status_code for path in ("/", "/web/main.js", "/openapi.json", "/livez")] == [200] * 4


def test_a_route_that_declares_no_role_cannot_be_made():
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(TypeError, match="does not say which role"):
        router.get("/forgotten")(lambda: None)


def test_a_route_that_no_gate_sees_keeps_the_application_from_starting():
    router = APIRouter()
    router.get("/forgotten")(lambda: None)
    with pytest.raises(TypeError, match="/forgotten"):
        check_guarded(router.routes)


@pytest.mark.parametrize(
    "header", [{"authorization": "bearer {}"}, {"x-api-key": "{}"}, {"authorization": "Basic x", "x-api-key": "{}"}]
)
def test_a_key_may_stand_in_either_header(guarded, header):
    headers = {name: value.format(SECRETS["read"][0]) for name, value in header.items()}
    assert guarded.post("/search/text", json={"query": "x"}, headers=headers).status_code == 200


def test_a_refusal_says_how_to_do_better(guarded):
    missing = guarded.get("/index/x")
    is_problem(missing, 401, "unauthenticated")
    assert missing.headers["www-authenticate"] == 'Bearer realm="bitlens"'
    wrong = guarded.get("/index/x", headers={"x-api-key": "wrong"})
    is_problem(wrong, 401, "unauthenticated")
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    reader = guarded.delete("/index/x", headers={"x-api-key": SECRETS["read"][0]})
    is_problem(reader, 403, "forbidden")
    assert "'write'" in reader.json()["detail"]


def test_the_key_is_looked_at_before_the_body(guarded):
    answer = guarded.post("/index", content=b"{{{", headers={"content-type": "application/json"})
    is_problem(answer, 401, "unauthenticated")


def test_logs_name_the_caller_and_never_the_key(guarded):
    secret = SECRETS["read"][0]
    with logged_lines() as lines:
        guarded.post("/search/text", json={"query": "x"}, headers={"authorization": f"Bearer {secret}"})
        guarded.post("/search/text", json={"query": "x"}, headers={"authorization": "Bearer made-up"})
    assert [line.get("key_name") for line in lines if line["logger"] == "app.access"] == ["tenant-read", None]
    assert secret not in str(lines)
    assert "made-up" not in str(lines)


def test_without_keys_everybody_may_do_everything(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        index(client, {"id": "a", "text": "x"})
        assert client.delete("/index/a").status_code == 204


def test_without_keys_pages_of_other_sites_may_not_make_a_browser_ask(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        form = {"data": {"items": '[{"id": "a", "text": "x"}]'}, "files": {"f": b"x"}}
        is_problem(client.post("/index", **form, headers={"sec-fetch-site": "cross-site"}), 403, "forbidden")
        assert client.post("/index", **form, headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open")
    with running(fake_parts(folder), settings_for(folder, hosts="Photos.lan:8000, fd00::7")) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "a.localhost.", "photos.lan:80", "[fd00::7]:80"],
)
def test_a_service_without_keys_answers_under_its_own_names(unguarded, host):
    assert unguarded.get("/stats", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "", "[", "10.0.0.1", "::1"],
)
def test_a_service_without_keys_answers_under_no_other_name(unguarded, host):
    is_problem(unguarded.get("/stats", headers={"host": host}), 403, "forbidden")


def test_other_names_will_do_with_keys_or_where_something_else_guards(tmp_path, guarded):
    key = {"x-api-key": SECRETS["read"][0]}
    assert guarded.get("/stats", headers={"host": "any.example", **key}).status_code == 200
    with running(fake_parts(tmp_path), settings_for(tmp_path, allow_open=True, hosts="")) as client:
        assert client.get("/stats", headers={"host": "any.example"}).status_code == 200


@pytest.mark.parametrize(("host", "status"), [("api:8000", 200), ("127.0.0.1:8000", 200), ("rebound.example:8000", 403)])
def test_a_service_that_may_be_open_answers_under_its_names_where_they_are_given(tmp_path, host, status):
    with running(fake_parts(tmp_path), settings_for(tmp_path, allow_open=True, hosts="api,")) as client:
        assert client.get("/stats", headers={"host": host}).status_code == status


def test_pictures_behind_keys_are_not_for_shared_caches(tmp_path, guarded):
    admin = {"x-api-key": SECRETS["admin"][0]}
    data = {"items": '[{"id": "seen", "image": "f"}]'}
    assert guarded.post("/index", data=data, files={"f": picture()}, headers=admin).json()["n_added"] == 1
    sha256 = guarded.get("/index/seen", headers=admin).json()["image"]["sha256"]
    kept = guarded.get(f"/index/seen/image?v={sha256}", headers=admin).headers["cache-control"]
    assert kept == "private, max-age=31536000, immutable"


def test_a_revoked_key_is_refused_while_the_service_runs(tmp_path):
    (secret, key), path = SECRETS["admin"], tmp_path / "keys"
    path.write_text(f"{key}\n")
    settings = settings_for(tmp_path / "data", keys_file=path)
    with running(fake_parts(tmp_path / "data"), settings) as client:
        headers = {"x-api-key": secret}
        assert client.post("/search/text", json={"query": "x"}, headers=headers).status_code == 200
        path.write_text("# nobody\n")
        is_problem(client.post("/search/text", json={"query": "x"}, headers=headers), 401, "unauthenticated")


def test_openapi_says_which_role_a_route_needs(guarded):
    document = guarded.get("/openapi.json").json()
    operation = document["paths"]["/index"]["post"]
    assert operation["x-role"] == "write"
    assert {"401", "403", "429"} <= operation["responses"].keys()
    assert {name for one in operation["security"] for name in one} <= document["components"]["securitySchemes"].keys()
