"""The shapes of requests and answers, with examples for OpenAPI.

Decides field names and which values are well-formed. Does not know limits that are settings, nor what becomes of a value.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any, Literal

import pydantic_core
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from app import examples
from app.json_depth import check_depth
from model.errors import InvalidRequest


def _check_item_id(item_id: str) -> str:
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in item_id):
        raise ValueError("must not contain control characters")
    if item_id in {".", ".."}:
        raise ValueError("must not be '.' or '..', which no address can hold")
    return item_id


def _none_is_empty(payload: Any) -> Any:
    return {} if payload is None else payload


def _check_payload(payload: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(payload, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("must be a JSON object of Unicode text and finite numbers") from error
    return payload


ItemId = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_check_item_id)]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemIn(_Strict):
    """An item to be indexed: a text, an image, or both."""

    id: ItemId = Field(description="The client's name for it: 1 to 256 characters, none of them a control character.")
    text: str | None = Field(None, description="A caption.")
    image: str | None = Field(None, description="Name of the file part that holds the picture (multipart only).", min_length=1)
    payload: Annotated[dict[str, Any], BeforeValidator(_none_is_empty), AfterValidator(_check_payload)] = Field(
        default_factory=dict, description="Any JSON object; given back with each hit."
    )

    @property
    def payload_bytes(self) -> int:
        """Bytes of the payload's JSON."""
        return len(json.dumps(self.payload, ensure_ascii=False).encode())


class ItemError(BaseModel):
    """Why one item failed."""

    type: str
    title: str
    status: int
    detail: str


class ItemResult(BaseModel):
    """What became of one item."""

    id: str | None = Field(description="As sent; null if the item had no usable id.")
    status: Literal["added", "replaced", "failed"]
    error: ItemError | None = None
    same_image: list[str] | None = Field(None, description="Other items with the very same picture, the first ten.")
    same_text: list[str] | None = Field(None, description="Other items with the very same text, the first ten.")


class IndexOut(BaseModel):
    """What became of a request to index, item by item in the order sent."""

    model_config = _example(examples.INDEX_OUT)

    results: list[ItemResult]
    n_added: int
    n_replaced: int
    n_failed: int


class ImageOut(BaseModel):
    """Facts of a stored picture."""

    media_type: str
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")
    sha256: str


class CodesOut(BaseModel):
    """The codes of an item, packed, in hex."""

    image: str | None
    text: str | None


class ItemOut(BaseModel):
    """An item as it is indexed."""

    model_config = _example(examples.ITEM_OUT)

    id: str
    text: str | None
    payload: dict[str, Any]
    image_url: str | None
    image: ImageOut | None
    codes: CodesOut
    bundle_id: str


class Problem(BaseModel):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] | None = None


class Live(BaseModel):
    """The process answers."""

    model_config = _example(examples.LIVE)

    status: Literal["ok"] = "ok"


class Checks(BaseModel):
    """What readiness looked at."""

    bundle: Literal["ok", "changing"]
    catalogue: Literal["ok", "unavailable"]
    index: Literal["ok", "differs"]
    cache: Literal["ok", "degraded"]
    disk: Literal["ok", "full"]
    service: Literal["ok", "stopping"]
    background: Literal["ok", "ended"]


class ServedCalibration(BaseModel):
    """What distances mean, and who measured it."""

    source: Literal["bundle", "judgements"] = Field(description="The bundle's own, or one made of judgements in its place.")
    made_at: str | None = Field(description="When it was made of judgements, UTC, ISO 8601; null for the bundle's own.")


class Ready(BaseModel):
    """Whether requests can be served, and of what."""

    model_config = _example(examples.READY)

    status: Literal["ready", "not_ready"]
    checks: Checks
    missing: list[str] = Field(description="What keeps requests from being served; cache, disk and a change of bundles do not.")
    bundle_id: str
    n_bits: int
    n_items: int
    calibrated: bool = Field(description="Whether it was measured what distances mean, so that hits have an expected precision.")
    calibration: ServedCalibration | None = Field(description="Which calibration is served; null if there is none.")


def read_items(body: str | bytes) -> list[Any]:
    """Reads the list of raw items from the JSON of ``POST /index``: ``{"items": […]}``, or in a multipart part the bare list.

    Args:
        body: JSON.

    Returns:
        The entries, not yet checked.

    Raises:
        InvalidRequest: If the JSON cannot be read, is nested too deep or is neither of these.
    """
    check_depth(body if isinstance(body, bytes) else body.encode(errors="surrogatepass"))
    try:
        value = pydantic_core.from_json(body)
    except ValueError as error:
        raise InvalidRequest(f"the items are not readable JSON: {error}") from error
    items = value["items"] if isinstance(value, dict) and value.keys() == {"items"} else value
    if not isinstance(items, list):
        raise InvalidRequest('the items must be a JSON object with the one member "items", which is a list')
    return items


def read_item(raw: Any) -> ItemIn:
    """Checks one entry of the list.

    Args:
        raw: Any JSON value.

    Returns:
        The item.

    Raises:
        InvalidRequest: If it is not well-formed; the message names every field that is wrong.
    """
    try:
        return ItemIn.model_validate(raw)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, entry['loc'])) or 'item'}: {entry['msg']}" for entry in error.errors(include_url=False)]
        raise InvalidRequest("; ".join(found[:5])) from error
