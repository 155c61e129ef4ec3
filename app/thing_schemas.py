"""The shapes of things that have a code, and of what is told about them: encoding and comparing.

Decides field names and which values are well-formed. Does not know what becomes of a value.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app import examples
from app.cache.base import Modality
from app.schemas import ItemError, ItemId
from model.errors import InvalidRequest

T = TypeVar("T", bound=BaseModel)
MAX_INPUTS = 64
FAMILIARITY = (
    "Share of the pairs that the bundle was calibrated on that are at least as strange as the text or picture; of a mix that of "
    "its strangest part. Null for items and codes, and where it was not measured."
)
CodeText: TypeAlias = Annotated[str, Field(max_length=4096, description="A packed code in hex or base64, little bit order.")]


def example(value: dict[str, Any]) -> ConfigDict:
    """Returns a model's configuration with an example for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [value]})


class Strict(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ThingIn(Strict):
    """A text, a picture, an indexed item or a packed code: one of them."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    text: str | None = Field(None, description="Words.")
    image: str | None = Field(None, description="Name of the file part that holds the picture (multipart only).", min_length=1)
    id: ItemId | None = Field(None, description="An indexed item.")
    by: Modality | None = Field(None, description="Of an item: its image's or its text's code; by default the image's, if any.")
    code: CodeText | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if sum(value is not None for value in (self.text, self.image, self.id, self.code)) != 1:
            raise ValueError("exactly one of text, image, id and code must be given")
        if self.by is not None and self.id is None:
            raise ValueError("by is for an id only")
        return self


class MixPart(ThingIn):
    """A thing and its weight."""

    weight: float = Field(1.0, ge=-100, le=100, allow_inf_nan=False, description="Negative for what is not wanted.")


class EncodeIn(Strict):
    """What is to be encoded."""

    model_config = example(examples.ENCODE_IN)

    inputs: list[Any] = Field(min_length=1, max_length=MAX_INPUTS, description="Things with a text or an image each.")
    relaxed: bool = Field(True, description="Whether the values before the sign are wanted as well.", strict=True)


class CompareIn(Strict):
    """Two things."""

    model_config = example(examples.COMPARE_IN)

    a: ThingIn
    b: ThingIn


class FailedOut(BaseModel):
    """A query or an input that failed alone."""

    error: ItemError


class EncodedOut(BaseModel):
    """A code in its forms."""

    hex: str
    base64: str = Field(description="The same bytes; bit i of the code is bit i % 8, from the lowest, of byte i // 8.")
    relaxed: list[float] | None = Field(description="Values in [−1, 1] whose signs the bits are; null if not wanted.")
    familiarity: float | None = Field(description=FAMILIARITY)


class EncodeOut(BaseModel):
    """Codes in the order of the inputs."""

    model_config = example(examples.ENCODE_OUT)

    results: list[EncodedOut | FailedOut]
    n_failed: int
    n_bits: int
    bundle_id: str


class CompareOut(BaseModel):
    """How near two things are."""

    model_config = example(examples.COMPARE_OUT)

    distance: int = Field(description="Differing bits, 0 to n_bits.")
    n_bits: int
    agreeing_bits: list[int] = Field(description="The bits that are the same, from 0.")
    bundle_id: str


def read_as(model: type[T], raw: Any) -> T:
    """Checks a value that came in a form or in a list.

    Args:
        model: What it should be.
        raw: Any JSON value.

    Returns:
        The value as a model.

    Raises:
        InvalidRequest: If it is not well-formed; the message names every field that is wrong.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, entry['loc'])) or 'query'}: {entry['msg']}" for entry in error.errors(include_url=False)]
        raise InvalidRequest("; ".join(found[:5])) from error
