"""What searches of every kind share: from the bounds that a client sends, and to the answer that it gets.

Decides how hits look over HTTP. Does not know what was searched by.
"""

from __future__ import annotations

from fastapi import Response

from app.cache.base import Modality
from app.catalog.base import Item
from app.deps import Services, image_url
from app.encoding import Encoded
from app.filter_reading import parse_filter
from app.query_schemas import BoundsIn, HitOut, QueryOut, SearchOut
from app.retrieval import FoundItem, SearchBounds


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
    return SearchBounds(asked.target or target, asked.k, asked.max_distance, expression, asked.dedupe, asked.cursor, without)


async def search_out(services: Services, modality: Modality | None, encoded: Encoded, bounds: SearchBounds) -> SearchOut:
    """Searches and describes what was found.

    Args:
        services: The running services.
        modality: What the code was made from, or None.
        encoded: The query's code.
        bounds: Checked bounds.

    Returns:
        The answer.

    Raises:
        InvalidRequest: If the cursor is none of this search.
        BundleMismatch: If the cursor is one of another bundle.
        Overloaded: If too much is waiting.
    """
    page = await services.retrieval.search(encoded.code, bounds)
    query = QueryOut(modality=modality, code=encoded.code.hex(), bundle_id=services.parts.bundle_id, cached=encoded.cached)
    return SearchOut(hits=[_hit(one, bounds.target) for one in page.found], next_cursor=page.next_cursor, query=query)


def json_of(answer: SearchOut) -> Response:
    """Writes an answer, without checking again what was just made.

    Args:
        answer: The answer.

    Returns:
        The response.
    """
    return Response(answer.model_dump_json(), media_type="application/json")


def _hit(found: FoundItem, target: Modality) -> HitOut:
    item = found.item
    return HitOut(
        id=item.item_id,
        distance=found.distance,
        target=target,
        text=item.text,
        payload=item.payload,
        image_url=image_url(item.item_id) if item.image else None,
    )
