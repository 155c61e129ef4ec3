"""Bodies that are JSON, or a form with the same JSON in the part ``query`` and pictures beside it.

Decides how such a body is told apart and read. Does not know what stands in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from app.deps import Services
from app.json_depth import check_depth
from app.thing_schemas import MAX_INPUTS
from model.errors import InvalidRequest, UnsupportedMediaType


async def read_body(request: Request, services: Services) -> tuple[Any, Mapping[str, bytes]]:
    """Reads a body.

    Args:
        request: The request.
        services: The running services.

    Returns:
        A JSON value, and the uploaded pictures by the name of their part.

    Raises:
        UnsupportedMediaType: If it is neither JSON nor a form.
        InvalidRequest: If the JSON cannot be read or is nested too deep, or the form lacks it or names a part twice.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return _parsed(await request.body()), {}
    if media_type != "multipart/form-data":
        raise UnsupportedMediaType("send application/json or multipart/form-data")
    async with request.form(max_files=MAX_INPUTS + 1, max_fields=8, max_part_size=services.settings.max_request_bytes) as form:
        return await _read_form(form)


async def _read_form(form: FormData) -> tuple[Any, Mapping[str, bytes]]:
    names = [name for name, _ in form.multi_items()]
    if names.count("query") != 1:
        raise InvalidRequest('the request needs exactly one part "query"')
    if len(names) != len(set(names)):
        raise InvalidRequest("each file part needs a name of its own")
    files = {name: await part.read() for name, part in form.multi_items() if isinstance(part, UploadFile)}
    query = form["query"]
    return _parsed(query if isinstance(query, str) else files.pop("query")), files


def _parsed(text: str | bytes) -> Any:
    check_depth(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the query is not readable JSON") from error
