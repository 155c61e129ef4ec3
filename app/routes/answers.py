"""What searches of every kind share: from the bounds that a client sends, and to the answer that it gets.

Decides how hits look over HTTP. Does not know what was searched by.
"""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Response

from app.cache.base import Modality
from app.catalog.base import Item
from app.deps import Services
from app.encoder import Encoded
from app.errors import problem_of
from app.explaining import Asked, Source
from app.familiarity import is_stranger
from app.filter_reading import parse_filter
from app.hits import answer_of
from app.query_schemas import BoundsIn, CodeQuery, IdQuery, TextQuery
from app.retrieval import Page, SearchBounds
from app.schemas import ItemError
from app.thing_schemas import CompareOut, EncodeOut, FailedOut
from app.things import read_code, stored_code
from model.errors import BundleMismatch, HashingError, InputError, UnknownItem

FAILING_ALONE = (InputError, UnknownItem, BundleMismatch)
"""What is wrong with one of many, not with the service."""


def bounds_of(asked: BoundsIn, target: Modality, without: Item | None = None) -> SearchBounds:
    """Reads the bounds of a search.

    Args:
        asked: As the client sent them.
        target: What is searched if the client does not say.
        without: An item that is no hit.

    Returns:
        The bounds, to be checked against the limits.

    Raises:
        BadFilter: If the filter is none.
    """
    expression = None if asked.filter is None else parse_filter(asked.filter)
    return SearchBounds(
        target=asked.target or target,
        k=asked.k,
        max_distance=asked.max_distance,
        filter=expression,
        dedupe=asked.dedupe,
        cursor=asked.cursor,
        without=without,
        min_precision=asked.min_precision,
        explain=asked.explain,
        min_familiarity=asked.min_familiarity,
    )


def checked(services: Services, bounds: SearchBounds, modality: Modality | None, raw: Collection[Modality] = ()) -> SearchBounds:
    """Checks bounds before any work is done, turns a wanted precision into a radius, and fills in the least familiarity.

    Args:
        services: The running services.
        bounds: What is asked for.
        modality: What the query's code is made from, or None.
        raw: What of the query is a text or a picture.

    Returns:
        The bounds of the search.

    Raises:
        InvalidRequest: If they are outside the limits, or precision or familiarity was not measured.
    """
    services.retrieval.check(bounds)
    return services.familiarity.bounded(services.expectations.narrowed(bounds, modality), raw)


async def search_out(
    services: Services, modality: Modality | None, encoded: Encoded, bounds: SearchBounds, source: Source = None
) -> bytes:
    """Searches and describes what was found; a query that is too strange finds nothing.

    Args:
        services: The running services.
        modality: What the code was made from, or None.
        encoded: The query's code.
        bounds: From :func:`checked`.
        source: What the code was made from itself, for explanations.

    Returns:
        The answer's JSON.

    Raises:
        InvalidRequest: If the cursor is none of this search.
        BundleMismatch: If the cursor is one of another bundle.
        Overloaded: If too much is waiting.
    """
    is_strange = is_stranger(encoded, bounds)
    if not is_strange or bounds.cursor is not None:  # a cursor of another search is refused all the same
        page = await services.retrieval.search(encoded.code, bounds)
    if is_strange:
        page = Page([], None)
    if modality is not None and bounds.cursor is None:
        services.familiarity.note(modality, encoded, bounds)
        if not encoded.cached:
            services.drift.note(encoded.code, modality, bounds.target)
    distances, told = services.expectations.written(modality, bounds.target), None
    if bounds.explain:
        told = await services.explaining.explained(Asked(encoded.code, modality, source), page.found, bounds.target)
    return answer_of(page, bounds, (modality, encoded, services.parts.bundle_id), distances, told)


async def by_text(services: Services, query: TextQuery, encoded: Encoded | None = None) -> bytes:
    """Searches by a text.

    Args:
        services: The running services.
        query: What is asked for.
        encoded: The text's code, if it is known already.

    Returns:
        The answer's JSON.

    Raises:
        InputError: If the query cannot be used.
        BundleMismatch: If the cursor is one of another bundle.
        Overloaded: If too much is waiting.
    """
    bounds = checked(services, bounds_of(query, "image"), "text", ["text"])
    encoded = encoded or await services.encoding.encode_text(query.query)
    return await search_out(services, "text", encoded, bounds, query.query)


async def by_id(services: Services, query: IdQuery) -> bytes:
    """Searches by a code of an indexed item, which is no hit itself.

    Args:
        services: The running services.
        query: What is asked for.

    Returns:
        The answer's JSON.

    Raises:
        InputError: If the query cannot be used or the item has no such code.
        UnknownItem: If there is no such item.
        BundleMismatch: If the cursor is one of another bundle.
        Overloaded: If too much is waiting.
    """
    services.retrieval.check(bounds_of(query, "image"))
    item = await services.things.item(query.id)
    code, modality = stored_code(item, query.by)
    bounds = checked(services, bounds_of(query, modality, without=item), modality)
    return await search_out(services, modality, Encoded(code, cached=False), bounds, item)


async def by_code(services: Services, query: CodeQuery) -> bytes:
    """Searches by a packed code.

    Args:
        services: The running services.
        query: What is asked for.

    Returns:
        The answer's JSON.

    Raises:
        InputError: If the query cannot be used.
        BundleMismatch: If the code or the cursor is one of another bundle.
        Overloaded: If too much is waiting.
    """
    bundle_id = services.parts.bundle_id
    if query.bundle_id not in (None, bundle_id):
        raise BundleMismatch(f"the code was made with bundle {query.bundle_id}, but {bundle_id} is served")
    bounds = checked(services, bounds_of(query, "image"), query.modality)
    encoded = Encoded(read_code(query.code, services.parts.n_bits), cached=False)
    return await search_out(services, query.modality, encoded, bounds)


def failed_out(error: HashingError) -> FailedOut:
    """Describes what failed alone.

    Args:
        error: One of :data:`FAILING_ALONE`.

    Returns:
        The problem, as a part of an answer.
    """
    return FailedOut(error=ItemError(**problem_of(error)))


def json_of(answer: bytes | EncodeOut | CompareOut) -> Response:
    """Writes an answer, without checking again what was just made.

    Args:
        answer: The answer, or its JSON.

    Returns:
        The response.
    """
    content = answer if isinstance(answer, bytes) else answer.model_dump_json()
    return Response(content, media_type="application/json")
