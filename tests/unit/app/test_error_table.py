"""Every row of the error table, and every problem that the framework or a middleware decides, provoked by a real request.

A row that is added without a provocation here fails the test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from app.errors import PROBLEMS, ROUTING, Kind
from app.keys import new_key
from model import errors
from model.errors import HashingError
from tests.builders import fake_parts, index, is_problem, picture, running, settings_for

READER, _ = READER_KEY = new_key("reader", "read")
JSON = {"content-type": "application/json"}


class Refusing:
    """An encoder, a fetcher or a catalogue that raises one error whatever it is asked."""

    n_bits = 64

    def __init__(self, error: HashingError) -> None:
        self._error = error

    def prepare(self, raw: Any) -> Any:
        raise self._error

    encode = encode_with_features = prepare

    async def fetch(self, address: str) -> bytes:
        raise self._error


@dataclasses.dataclass
class Stage:
    """Where provocations play: parts that may be exchanged, settings, and a client once it runs."""

    folder: Any
    parts: Any
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    def ask(self, method: str, path: str, **request: Any) -> Any:
        with running(self.parts, settings_for(self.folder, **self.settings)) as client:
            return client.request(method, path, **request)

    def search(self, **query: Any) -> Any:
        return self.ask("POST", "/search/text", json={"query": "x", **query})


Provocation = Callable[[Stage], Any]


def inside(*arguments: Any, **more: Any) -> Callable[[type[HashingError]], Provocation]:
    """Makes a part of the service raise the error while a search is served: for what no client can bring about by itself."""

    def provoke(cls: type[HashingError]) -> Provocation:
        def play(stage: Stage) -> Any:
            refusing = Refusing(cls(*arguments, **more))
            stage.parts = dataclasses.replace(stage.parts, encoders={"image": refusing, "text": refusing})
            return stage.search()

        return play

    return provoke


def sent(method: str, path: str, **request: Any) -> Callable[[type[HashingError]], Provocation]:
    """Makes a client's own mistake."""
    return lambda _: lambda stage: stage.ask(method, path, **request)


def with_settings(provocation: Provocation, **settings: Any) -> Callable[[type[HashingError]], Provocation]:
    def play(stage: Stage) -> Any:
        stage.settings |= settings
        return provocation(stage)

    return lambda _: play


def failing_catalogue(stage: Stage) -> Any:
    stage.parts.catalog.failing = True
    return stage.ask("POST", "/index", json={"items": [{"id": "a", "text": "x"}]})


def asked_twice(stage: Stage) -> Any:
    with running(stage.parts, settings_for(stage.folder, rate_limit="1/hour")) as client:
        client.post("/search/text", json={"query": "x"})
        return client.post("/search/text", json={"query": "x"})


def another_request_with_the_same_key(stage: Stage) -> Any:
    with running(stage.parts, settings_for(stage.folder)) as client:
        for text in ("one", "two"):
            answer = client.post("/index", json={"items": [{"id": "a", "text": text}]}, headers={"idempotency-key": "k"})
        return answer


def ended_job(stage: Stage) -> Any:
    folder = stage.folder / "bulk"
    folder.mkdir()
    (folder / "manifest.jsonl").write_text("")
    with running(stage.parts, settings_for(stage.folder / "data", bulk_folder=folder)) as client:
        job = client.post("/index/jobs", json={"manifest": "manifest.jsonl"}).json()
        first = client.post(f"/index/jobs/{job['id']}/cancel")
        return client.post(f"/index/jobs/{job['id']}/cancel") if first.status_code == 200 else first


def refused_url(stage: Stage) -> Any:
    return stage.ask("POST", "/search/url", json={"image_url": "http://169.254.169.254/"})


def unfetched_url(stage: Stage) -> Any:
    stage.parts = dataclasses.replace(stage.parts, fetcher=Refusing(errors.ImageNotFetched("no answer")))
    return stage.ask("POST", "/search/url", json={"image_url": "https://example.org/"})


def image(content: bytes) -> dict[str, Any]:
    return {"files": {"image": content}}


INTERNAL = inside("secret internals")
PROVOCATIONS: dict[type[HashingError], Callable[[type[HashingError]], Provocation]] = {
    errors.HashingError: INTERNAL,
    errors.CodeError: INTERNAL,
    errors.BundleError: INTERNAL,
    errors.BundleNotFound: INTERNAL,
    errors.BundleCorrupt: INTERNAL,
    errors.BundleIncompatible: INTERNAL,
    errors.BackboneError: INTERNAL,
    errors.ConfigError: inside(["secret internals"]),
    errors.DatasetError: INTERNAL,
    errors.TrainingStopped: INTERNAL,
    errors.SnapshotUnusable: INTERNAL,
    errors.InputError: inside("not like this"),
    errors.AccessError: inside("not for you"),
    errors.RequestInProgress: inside("wait for it"),
    errors.JobFailed: inside("unreadable"),
    errors.UndecodableImage: sent("POST", "/search/image", **image(b"no picture")),
    errors.ImageTooLarge: with_settings(lambda stage: stage.ask("POST", "/search/image", **image(picture())), max_image_pixels=10),
    errors.UnsupportedMediaType: sent("POST", "/search/image", **image(b"%PDF-")),
    errors.EmptyText: sent("POST", "/search/text", json={"query": " "}),
    errors.InvalidRequest: sent("POST", "/search/text", json={"k": 3}),
    errors.BadFilter: sent("POST", "/search/text", json={"query": "x", "filter": {"nonsense": 1}}),
    errors.IdempotencyKeyReused: lambda _: another_request_with_the_same_key,
    errors.JobEnded: lambda _: ended_job,
    errors.ImageUrlRefused: lambda _: refused_url,
    errors.ImageNotFetched: lambda _: unfetched_url,
    errors.Unauthenticated: with_settings(Stage.search, keys=str(READER_KEY[1])),
    errors.Forbidden: with_settings(
        lambda stage: stage.ask("DELETE", "/index/x", headers={"x-api-key": READER}), keys=str(READER_KEY[1])
    ),
    errors.RateLimited: lambda _: asked_twice,
    errors.CatalogError: lambda _: failing_catalogue,
    errors.UnknownItem: sent("GET", "/index/nothing"),
    errors.UnknownJob: sent("GET", "/index/jobs/nothing"),
    errors.BundleMismatch: sent("POST", "/search/code", json={"code": "00" * 8, "bundle_id": "another"}),
    errors.Overloaded: inside("too much is waiting", retry_after_s=7),
    errors.DeadlinePassed: with_settings(Stage.search, request_timeout_s=1e-9),
}
ROUTED: dict[int, Provocation] = {  # 408 needs a body that never comes: tests/unit/app/test_arrival.py
    400: lambda stage: stage.ask("POST", "/search/text", content=b'{"query": "\xff"}', headers=JSON),
    404: lambda stage: stage.ask("GET", "/nothing"),
    405: lambda stage: stage.ask("PUT", "/search/text"),
    413: lambda stage: stage.ask("POST", "/search/text", content=b"x" * 100_000, headers=JSON),
    422: lambda stage: stage.ask("POST", "/search/text", content=b"[" * 1_000, headers=JSON),
}


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path, fake_parts(tmp_path))


def test_every_row_has_a_provocation():
    assert PROVOCATIONS.keys() == PROBLEMS.keys()
    assert ROUTED.keys() | {408} == ROUTING.keys()


@pytest.mark.parametrize("cls", PROBLEMS, ids=lambda cls: cls.__name__)
def test_every_row_of_the_table_is_what_a_client_gets(stage, cls):
    kind: Kind = PROBLEMS[cls]
    answer = PROVOCATIONS[cls](cls)(stage)
    is_problem(answer, kind.status, kind.slug)
    assert answer.json()["title"] == kind.title
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (issubclass(cls, errors.Overloaded | errors.RateLimited))
    assert ("www-authenticate" in answer.headers) == (kind.status == 401)


@pytest.mark.parametrize("status", ROUTED)
def test_every_problem_of_the_framework_is_one_of_the_table_too(stage, status):
    is_problem(ROUTED[status](stage), status, ROUTING[status].slug)


def test_the_table_is_also_that_of_items_that_fail_alone(stage):
    with running(stage.parts, settings_for(stage.folder)) as client:
        failed = index(client, {"id": "a"})["results"][0]["error"]
    kind = PROBLEMS[errors.InvalidRequest]
    assert (failed["type"], failed["status"], failed["title"]) == (f"/problems/{kind.slug}", kind.status, kind.title)
