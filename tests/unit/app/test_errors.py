import json

import pytest

from app.errors import PROBLEMS, kind_of, problem_of, problem_response, routing_kind
from model.errors import CatalogError, EmptyText, HashingError, UnknownItem


def all_errors(cls: type[HashingError] = HashingError) -> set[type[HashingError]]:
    return {cls}.union(*(all_errors(child) for child in cls.__subclasses__()))


def test_every_error_of_the_tree_has_its_own_entry():
    missing = {cls.__name__ for cls in all_errors() if cls.__module__ == "model.errors"} - {cls.__name__ for cls in PROBLEMS}
    assert not missing


def test_the_documented_statuses():
    documented = {
        "UndecodableImage": 422,
        "ImageTooLarge": 413,
        "UnsupportedMediaType": 415,
        "EmptyText": 422,
        "BadFilter": 422,
        "UnknownItem": 404,
        "BundleMismatch": 409,
        "Overloaded": 503,
        "CodeError": 500,
    }
    assert {cls.__name__: kind.status for cls, kind in PROBLEMS.items() if cls.__name__ in documented} == documented


def test_one_type_has_one_title_and_one_status():
    by_slug = {}
    for kind in PROBLEMS.values():
        assert by_slug.setdefault(kind.slug, kind) == kind


def test_an_error_outside_the_table_is_its_nearest_parent():
    class Vanished(UnknownItem):
        pass

    assert kind_of(Vanished("x")).slug == "unknown-item"


def test_the_message_of_an_internal_error_is_kept_from_clients():
    assert "/secret" not in json.dumps(problem_of(CatalogError("disk full at /secret/catalogue.sqlite3")))
    assert problem_of(EmptyText("the text is empty"))["detail"] == "the text is empty"


def test_a_problem_with_half_a_character_can_be_sent():
    response = problem_response(problem_of(EmptyText("a\ud800b")))
    assert json.loads(response.body)["status"] == 422
    assert response.media_type == "application/problem+json"


@pytest.mark.parametrize(
    ("status", "slug"), [(404, "not-found"), (405, "method-not-allowed"), (413, "request-too-large"), (418, "http-error")]
)
def test_the_frameworks_own_errors_have_types_too(status, slug):
    assert (routing_kind(status).slug, routing_kind(status).status) == (slug, status)
