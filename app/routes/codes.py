"""``POST /encode`` and ``POST /compare``.

Decides how codes and distances are told over HTTP. Does not know how codes are made.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from app import examples
from app.deps import Services, ServicesDep
from app.encoder import Encoded
from app.errors import problem_responses
from app.form_schemas import body_of
from app.routes.answers import FAILING_ALONE, failed_out, json_of
from app.routes.bodies import read_body
from app.routes.guarded import GuardedRoute, needs
from app.thing_schemas import CompareIn, CompareOut, EncodedOut, EncodeIn, EncodeOut, FailedOut, ThingIn, read_as
from model.codes import Float32, UInt8, pack_codes, sign_codes
from model.errors import (
    EmptyText,
    ImageTooLarge,
    InvalidRequest,
    Overloaded,
    UndecodableImage,
    UnknownItem,
    UnsupportedMediaType,
)

router = APIRouter(tags=["codes"], route_class=GuardedRoute)


@router.post(
    "/encode",
    response_model=EncodeOut,
    openapi_extra=body_of(EncodeIn, examples.ENCODE_IN),
    responses=problem_responses(InvalidRequest, UnsupportedMediaType, Overloaded, statuses=[400, 413]),
    summary="Codes of texts and pictures",
)
@needs("read")
async def encode(request: Request, services: ServicesDep) -> Response:
    """Returns the codes of texts and pictures, and the values before the sign; nothing is indexed. A bad input fails alone."""
    raw, files = await read_body(request, services)
    asked = read_as(EncodeIn, raw)
    results = [await _encoded(services, one, files, relaxed=asked.relaxed) for one in asked.inputs]
    n_failed = sum(isinstance(result, FailedOut) for result in results)
    parts = services.parts
    return json_of(EncodeOut(results=results, n_failed=n_failed, n_bits=parts.n_bits, bundle_id=parts.bundle_id))


@router.post(
    "/compare",
    response_model=CompareOut,
    openapi_extra=body_of(CompareIn, examples.COMPARE_IN),
    responses=problem_responses(
        EmptyText,
        UndecodableImage,
        InvalidRequest,
        UnknownItem,
        ImageTooLarge,
        UnsupportedMediaType,
        Overloaded,
        statuses=[400, 413],
    ),
    summary="The distance of two things",
)
@needs("read")
async def compare(request: Request, services: ServicesDep) -> Response:
    """Returns in how many bits two things differ and in which they agree: texts, pictures, items or codes."""
    raw, files = await read_body(request, services)
    asked = read_as(CompareIn, raw)
    a, b = [_bits((await services.things.code(thing, files)).code) for thing in (asked.a, asked.b)]
    agreeing: list[int] = np.flatnonzero(a == b).tolist()
    n_bits = len(a)
    answer = CompareOut(distance=n_bits - len(agreeing), n_bits=n_bits, agreeing_bits=agreeing, bundle_id=services.parts.bundle_id)
    return json_of(answer)


async def _encoded(services: Services, raw: Any, files: Mapping[str, bytes], *, relaxed: bool) -> EncodedOut | FailedOut:
    try:
        thing = read_as(ThingIn, raw)
        if thing.text is None and thing.image is None:
            raise InvalidRequest("an input needs a text or an image")
        if relaxed:
            values, familiarity = await services.things.relaxed(thing, files)
            encoded = Encoded(_packed(values), cached=False, familiarity=familiarity)
        else:
            values, encoded = None, await services.things.code(thing, files)
    except FAILING_ALONE as error:
        return failed_out(error)
    floats: list[float] | None = None if values is None else values.tolist()
    forms = {"hex": encoded.code.hex(), "base64": base64.b64encode(encoded.code).decode()}
    return EncodedOut(**forms, relaxed=floats, familiarity=encoded.familiarity)


def _packed(relaxed: Float32) -> bytes:
    return bytes(pack_codes(sign_codes(relaxed[None, :]))[0])


def _bits(code: bytes) -> UInt8:
    return np.unpackbits(np.frombuffer(code, np.uint8), bitorder="little")
