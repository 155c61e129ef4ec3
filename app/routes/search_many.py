"""``POST /search/many``.

Decides what of many queries is done together, and that a bad one fails alone. Does not know how codes are made or compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Response

from app.deps import Services, ServicesDep
from app.encoder import Encoded
from app.errors import problem_responses
from app.hits import answers_of
from app.query_schemas import CodeQuery, IdQuery, ManyOut, ManyQueries, TextQuery, read_query
from app.retrieval import MAX_EXPLAINED
from app.routes.answers import FAILING_ALONE, by_code, by_id, by_text, failed_out, json_of
from app.routes.guarded import GuardedRoute, needs
from app.thing_schemas import FailedOut
from model.errors import HashingError, InvalidRequest, Overloaded

router = APIRouter(prefix="/search", tags=["search"], route_class=GuardedRoute)

T = TypeVar("T")
_MOST_HITS = 10  # times those of one search


@router.post(
    "/many",
    response_model=ManyOut,
    responses=problem_responses(InvalidRequest, Overloaded, statuses=[400, 413]),
    summary="Many searches in one call",
)
@needs("read")
async def search_many(many: ManyQueries, services: ServicesDep) -> Response:
    """Answers searches by text, id and code, query by query; texts are encoded together, and a bad query fails alone."""
    return json_of(await _answer(services, many.queries))


async def _answer(services: Services, raw_queries: Sequence[Any]) -> bytes:
    queries = [_or_error(read_query, raw) for raw in raw_queries]
    max_k = services.settings.max_k
    n_wanted = sum(query.k for query in queries if not isinstance(query, HashingError) and query.k <= max_k)  # others fail alone
    if n_wanted > _MOST_HITS * max_k:
        raise InvalidRequest(f"all k together must be at most {_MOST_HITS * max_k}, not {n_wanted}")
    n_explained = sum(query.k for query in queries if not isinstance(query, HashingError) and query.explain)
    if n_explained > MAX_EXPLAINED:
        raise InvalidRequest(f"explain: all k together must be at most {MAX_EXPLAINED} where it is asked for, not {n_explained}")
    texts = [_or_error(services.encoding.normalised, query.query) if isinstance(query, TextQuery) else None for query in queries]
    codes = iter(await services.encoding.encode_texts([text for text in texts if isinstance(text, str)]))
    encoded = [next(codes) if isinstance(text, str) else text for text in texts]
    results = [await _alone(services, query, code) for query, code in zip(queries, encoded, strict=True)]
    failed = [isinstance(result, FailedOut) for result in results]
    written = [result.model_dump_json().encode() if isinstance(result, FailedOut) else result for result in results]
    return answers_of(written, sum(failed))


async def _alone(
    services: Services, query: TextQuery | IdQuery | CodeQuery | HashingError, encoded: Encoded | HashingError | None
) -> bytes | FailedOut:
    try:
        if isinstance(query, HashingError):
            raise query
        if isinstance(encoded, HashingError):
            raise encoded
        if isinstance(query, TextQuery):
            return await by_text(services, query, encoded)
        return await by_id(services, query) if isinstance(query, IdQuery) else await by_code(services, query)
    except FAILING_ALONE as error:
        return failed_out(error)


def _or_error(read: Callable[[Any], T], raw: Any) -> T | HashingError:
    try:
        return read(raw)
    except FAILING_ALONE as error:
        return error
