"""What the routes of items share: how an item looks over HTTP, and how an answer is given again.

Decides nothing about which items are meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Response

from app.catalog.base import Item
from app.deps import RequestKey, Services, image_url
from app.idempotency import Answer, Keep, asked_of
from app.schemas import CodesOut, ImageOut, ItemOut


def item_out(item: Item, bundle_id: str) -> ItemOut:
    """Describes an item.

    Args:
        item: As the catalogue holds it.
        bundle_id: The bundle that its codes come from.

    Returns:
        The item with its codes.
    """
    image = item.image
    facts = ImageOut(media_type=image.media_type, width=image.width, height=image.height, sha256=image.sha256) if image else None
    return ItemOut(
        id=item.item_id,
        text=item.text,
        payload=item.payload,
        image_url=image_url(item.item_id) if image else None,
        image=facts,
        codes=CodesOut(image=_hex(item.image_code), text=_hex(item.text_code)),
        bundle_id=bundle_id,
    )


async def once(
    services: Services,
    key: RequestKey,
    what: Any,
    work: Callable[[Keep], Awaitable[Answer]],
    files: Mapping[str, bytes] | None = None,
) -> Response:
    """Does what is asked, or gives the answer of before if the request's key has come already.

    Args:
        services: The running services.
        key: The request's key, and whose it is.
        what: The JSON of the request.
        work: Does it.
        files: Uploaded files by name.

    Returns:
        The response; ``Idempotency-Replayed`` says that it is one of before.

    Raises:
        InvalidRequest: If the key is none.
        IdempotencyKeyReused: If the key came with another request.
        RequestInProgress: If the same request is being worked on.
    """
    asked = await asyncio.to_thread(asked_of, key.key, key.caller, [key.address, what], files or {}) if key.key else None
    answer = await services.idempotency.once(asked, work)
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return Response(answer.body, answer.status, headers, media_type="application/json" if answer.body else None)


def _hex(code: bytes | None) -> str | None:
    return None if code is None else code.hex()
