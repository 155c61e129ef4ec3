"""The client against the OpenAPI document: every operation, every parameter and field, every answer's type, and nothing else.

Where an answer's type differs, ``python -m tests.client_types`` writes all types anew.
"""

from __future__ import annotations

import json
import re
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from app import client as module
from app.client import Call, Client, JudgedQuery, JudgementIn, MixPart, NewItem, Query, Thing
from tests.builders import fake_parts, running, settings_for

BOUNDS: dict[str, Any] = {
    "k": 3, "max_distance": 8, "min_precision": 0.5, "min_familiarity": 0.1, "target": "text",
    "filter": {"field": "n", "eq": 1}, "dedupe": True, "cursor": "c", "explain": True,
}  # fmt: skip
PICTURED: dict[str, Any] = {"image": b"bytes"}
PAGE: dict[str, Any] = {"limit": 7, "cursor": "c"}
KEY: dict[str, Any] = {"idempotency_key": "k"}
CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "search_text": (("q",), BOUNDS),
    "search_image": ((b"bytes",), BOUNDS),
    "search_url": (("https://x",), BOUNDS),
    "search_id": (("x/1",), {"by": "image", **BOUNDS}),
    "search_code": (("00",), {"modality": "text", "bundle_id": "b", **BOUNDS}),
    "search_mix": (([PICTURED],), {"modality": "text", **BOUNDS}),
    "search_many": (([{"query": "q"}],), {}),
    "encode": (([PICTURED],), {"relaxed": False}),
    "compare": ((PICTURED, {"text": "a"}), {}),
    "index": (([{"id": "a", **PICTURED}],), KEY),
    "item": (("x/1",), {}),
    "image": (("x/1",), {"v": "sha256"}),
    "delete": (("x/1",), KEY),
    "list_items": ((), PAGE),
    "list_matching": ((), {"filter": BOUNDS["filter"], **PAGE}),
    "lookup": ((["a"],), {}),
    "count_items": ((), {}),
    "count_matching": ((), {"filter": BOUNDS["filter"]}),
    "duplicates": ((), {"modality": "text", **PAGE}),
    "delete_many": ((), {"ids": ["a"], "filter": None, **KEY}),
    "start_job": (("m.jsonl",), KEY),
    "start_archive_job": ((b"PK",), KEY),
    "list_jobs": ((), {"limit": 7}),
    "job": (("j",), {}),
    "job_failures": (("j",), {}),
    "cancel_job": (("j",), {}),
    "judge": (([{"query": {"code": "00"}, "id": "a"}],), KEY),
    "list_judgements": ((), PAGE),
    "forget_judgements": ((), {"item": "a", "code": "00", "all": True, **KEY}),
    "recalibrate": ((), {}),
    "reset_calibration": ((), {}),
    "live": ((), {}),
    "ready": ((), {}),
    "stats": ((), {}),
    "code_stats": ((), {}),
    "calibration_stats": ((), {}),
    "metrics": ((), {}),
}


class Described(module._Operations):
    """Gives the description of a call instead of making it."""

    def run(self, call: Call[Any]) -> Call[Any]:
        return call


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with running(fake_parts(folder), settings_for(folder)) as client:
        return client.get("/openapi.json").json()


def described(name: str) -> Call[Any]:
    args, kwargs = CALLS[name]
    call: Call[Any] = getattr(Described(), name)(*args, **kwargs)
    return call


def template(path: str) -> str:
    """Puts the names of parameters back into a path."""
    path = re.sub(r"^/index/jobs/j(?=/|$)", "/index/jobs/{job_id}", path)
    return path.replace("/index/x%2F1", "/index/{item_id}")


def operation(document: Any, call: Call[Any]) -> Any:
    return document["paths"][template(call.path)][call.method.lower()]


def resolved(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fields(document: Any, name: str) -> set[str]:
    return set(document["components"]["schemas"][name]["properties"])


def test_every_method_is_tried_and_both_clients_have_the_same():
    assert {name for name, value in vars(module._Operations).items() if isinstance(value, module._Operation)} == set(CALLS)
    own = [{name for name in vars(kind) if not name.startswith("_")} - {"close", "aclose"} for kind in (Client, module.AsyncClient)]
    assert own[0] == own[1]


def test_every_operation_of_the_document_has_a_method_and_no_other_is_asked_for(document):
    offered = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert {(call.method, template(call.path)) for call in map(described, CALLS)} == offered


@pytest.mark.parametrize("name", CALLS)
def test_parameters_are_those_of_the_document(document, name):
    call = described(name)
    documented = operation(document, call).get("parameters", [])
    assert set(call.request.get("params", {})) == {each["name"] for each in documented if each["in"] == "query"}
    sent = set(call.request.get("headers", {})) - {"Content-Type"}
    assert sent == {each["name"] for each in documented if each["in"] == "header"}


@pytest.mark.parametrize("name", CALLS)
def test_the_fields_of_a_body_are_those_of_the_document(document, name):
    call = described(name)
    documented = operation(document, call).get("requestBody", {"content": {}})["content"]
    if "files" in call.request:
        form = resolved(document, documented["multipart/form-data"]["schema"])
        assert set(call.request["data"]) | (set(call.request["files"]) & set(form["properties"])) == set(form["properties"])
        if "query" in call.request["data"]:
            body = resolved(document, documented["application/json"]["schema"])
            assert set(json.loads(call.request["data"]["query"])) == set(body["properties"])
    elif "content" in call.request:
        body = resolved(document, documented["application/json"]["schema"])
        assert set(json.loads(call.request["content"])) == set(body["properties"])
    else:
        assert not documented or call.request["headers"]["Content-Type"] in documented


def test_things_items_and_queries_have_the_fields_of_the_document(document):
    assert set(Thing.__annotations__) == fields(document, "ThingIn")
    assert set(MixPart.__annotations__) == fields(document, "MixPart")
    assert set(Query.__annotations__) == fields(document, "TextQuery") | fields(document, "IdQuery") | fields(document, "CodeQuery")
    assert set(JudgementIn.__annotations__) == fields(document, "JudgementIn")
    assert set(JudgedQuery.__annotations__) == fields(document, "JudgedQuery")
    items = document["paths"]["/index"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["items"]
    assert set(NewItem.__annotations__) == set(items["items"]["properties"])
    assert required(NewItem) == set(items["items"]["required"])


@pytest.mark.parametrize("name", CALLS)
def test_answers_have_the_types_of_the_document(document, name):
    call = described(name)
    responses = operation(document, call)["responses"]
    content = next(answer for status, answer in responses.items() if status.startswith("2")).get("content", {})
    media_type, media = next(iter(content.items()), ("nothing", {}))
    if media_type == "application/json":
        differing = list(differences(document, media["schema"], call.answer, call.answer.__name__))
        assert differing == []
    else:
        plain = {"nothing": NoneType, "image/*": bytes, "text/plain": str, "application/x-ndjson": list[module.FailureOut]}
        assert call.answer == plain[media_type]


def test_lines_of_failures_are_of_the_type_of_a_jobs_failures(document):
    assert list(differences(document, {"$ref": "#/components/schemas/FailureOut"}, module.FailureOut, "FailureOut")) == []


def differences(document: Any, schema: Any, hint: Any, place: str) -> Any:
    """Yields every place in which a type and a JSON schema differ."""
    schema = resolved(document, schema)
    if get_origin(hint) is NotRequired:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        yield from differing_choices(document, schema, get_args(hint), place)
    elif is_typeddict(hint):
        yield from differing_fields(document, schema, hint, place)
    elif get_origin(hint) is list:
        yield from [] if schema.get("type") == "array" else [f"{place}: a list"]
        yield from differences(document, schema.get("items", {}), get_args(hint)[0], f"{place}[]")
    elif get_origin(hint) is dict and schema.get("additionalProperties") not in (True, None):
        yield from differences(document, schema.get("propertyNames", {"type": "string"}), get_args(hint)[0], f"{place} keys")
        yield from differences(document, schema["additionalProperties"], get_args(hint)[1], f"{place} values")
    else:
        expected = plain_type(schema)
        yield from [] if hint == expected else [f"{place}: {hint}, not {expected}"]


def differing_choices(document: Any, schema: Any, hints: tuple[Any, ...], place: str) -> Any:
    choices = schema.get("anyOf", [])
    if len(choices) != len(hints):
        yield f"{place}: {len(hints)} choices, not {len(choices)}"
    for choice, hint in zip(choices, hints, strict=False):
        yield from differences(document, choice, hint, place)


def differing_fields(document: Any, schema: Any, hint: Any, place: str) -> Any:
    hints = get_type_hints(hint, include_extras=True)
    if set(hints) != set(schema.get("properties", {})):
        yield f"{place}: {set(hints) ^ set(schema.get('properties', {}))}"
        return
    if required(hint) != set(schema.get("required", [])):
        yield f"{place}: required {required(hint) ^ set(schema.get('required', []))}"
    for name, each in schema["properties"].items():
        yield from differences(document, each, hints[name], f"{place}.{name}")


def required(hint: Any) -> set[str]:
    hints = get_type_hints(hint, include_extras=True)
    return {name for name, each in hints.items() if get_origin(each) is not NotRequired}


def plain_type(schema: Any) -> Any:
    """Returns the type of what has no parts."""
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if "const" in schema:
        return Literal[schema["const"]]
    kinds = {"string": str, "integer": int, "number": float, "boolean": bool, "null": NoneType, "object": dict[str, Any]}
    return kinds.get(schema.get("type", ""))


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ({"type": "string"}, int),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, str),
        ({"type": "array", "items": {"type": "string"}}, list[int]),
        ({"enum": ["a", "b"]}, Literal["a"]),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, module.CountOut),
        ({"type": "object", "properties": {"n_items": {"type": "integer"}}}, module.CountOut),
    ],
)
def test_a_type_that_differs_is_noticed(schema, hint):
    assert list(differences({}, schema, hint, "here")) != []
