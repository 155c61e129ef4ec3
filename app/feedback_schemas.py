"""The shapes of judgements and of what is calibrated from them, with examples for OpenAPI.

Decides field names and which values are well-formed. Does not know what becomes of a value.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, PlainSerializer, SkipValidation, StringConstraints

from app.cache.base import Modality
from app.examples import BUNDLE_ID
from app.expectations import Expectations
from app.filter_schemas import as_it_is
from app.judgements import Judgement
from app.recalibration import Used
from app.schemas import ItemError, ItemId, ServedCalibration
from app.thing_schemas import CodeText, Strict, example

MAX_JUDGEMENTS = 100
_QUERY: dict[str, Any] = {"code": "d41d8cd98f00b204", "modality": "text", "bundle_id": BUNDLE_ID}
_JUDGEMENT: dict[str, Any] = {"query": _QUERY, "id": "beach-7", "target": "image", "relevant": True}
_FEEDBACK_OUT: dict[str, Any] = {
    "results": [{"id": "beach-7", "status": "added", "distance": 9}],
    "n_added": 1,
    "n_replaced": 0,
    "n_failed": 0,
}
_KEPT: dict[str, Any] = {**_JUDGEMENT, "distance": 9, "note": None, "judged_at": "2026-01-31T12:00:00Z"}
_REFITTED: dict[str, Any] = {"n": 240, "n_relevant": 150, "n_queries": 61, "refitted": True, "lacking": None, "base_rate": 0.31}
_LACKING = "188 more judgements (12 of 200), 16 more queries (4 of 20)"
_LEFT: dict[str, Any] = {"n": 12, "n_relevant": 6, "n_queries": 4, "refitted": False, "lacking": _LACKING, "base_rate": 0.4516}
_RECALIBRATED: dict[str, Any] = {
    "calibration": {"source": "judgements", "made_at": "2026-01-31T12:00:00Z"},
    "directions": {"text-image": _REFITTED, "image-text": _LEFT},
}


def _check_note(note: str) -> str:
    note.encode()  # half a surrogate pair, which an escape can smuggle in, cannot be stored
    return note


class JudgedQuery(Strict):
    """The `query` of a search's answer, which may be sent as it is."""

    code: CodeText
    modality: Modality = Field(description="What the code was made from.")
    bundle_id: str = Field(description="The bundle it was made with; another one than is served is a conflict.", max_length=64)
    cached: bool | None = Field(None, description="Ignored.")
    familiarity: float | None = Field(None, description="Ignored.")
    explanation: dict[str, Any] | None = Field(None, description="Ignored.")


class JudgementIn(Strict):
    """What somebody says of a hit."""

    query: JudgedQuery
    id: ItemId = Field(description="The hit.")
    target: Modality = Field(description="The hit's target.")
    relevant: bool = Field(description="Whether it is what was looked for.", strict=True)
    note: Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_check_note)] | None = Field(
        None, description="Words to be kept, such as the query's. Nothing else of the query is kept but its code."
    )


class FeedbackIn(Strict):
    """Judgements of hits."""

    model_config = example({"judgements": [_JUDGEMENT]})

    judgements: list[Annotated[SkipValidation[JudgementIn], PlainSerializer(as_it_is)]] = Field(
        min_length=1, max_length=MAX_JUDGEMENTS
    )


class JudgementResult(BaseModel):
    """What became of one judgement."""

    id: str | None = Field(description="The hit; null if the judgement could not be read.")
    status: Literal["added", "replaced", "failed"]
    distance: int | None = Field(default=None, description="Differing bits, as the service has counted them.")
    error: ItemError | None = None


class FeedbackOut(BaseModel):
    """What became of judgements, in the order sent."""

    model_config = example(_FEEDBACK_OUT)

    results: list[JudgementResult]
    n_added: int
    n_replaced: int
    n_failed: int


class KeptQuery(BaseModel):
    """What is known of a query."""

    code: str = Field(description="Packed code in hex.")
    modality: Modality
    bundle_id: str


class KeptJudgement(BaseModel):
    """A judgement as it is kept."""

    query: KeptQuery
    id: str | None = Field(description="The hit; null after the item was deleted.")
    target: Modality
    relevant: bool
    distance: int
    note: str | None
    judged_at: str = Field(description="UTC, ISO 8601.")


class JudgementsOut(BaseModel):
    """A page of judgements."""

    model_config = example({"judgements": [_KEPT], "next_cursor": None})

    judgements: list[KeptJudgement]
    next_cursor: str | None = Field(description="Leads to the next page; null exactly if there is nothing more.")


class ForgottenOut(BaseModel):
    """What became of a deletion."""

    model_config = example({"n_deleted": 3})

    n_deleted: int


class DirectionOut(BaseModel):
    """What the judgements of one kind of query and one kind of hit came to."""

    n: int = Field(description="Judgements.")
    n_relevant: int = Field(description="Those that say relevant.")
    n_queries: int = Field(description="Different queries among them.")
    refitted: bool = Field(description="Whether they were used; otherwise the bundle's own calibration goes on.")
    lacking: str | None = Field(description="What is missing.")
    base_rate: float | None = Field(description="Expected share of relevant items; null if the bundle never had a calibration.")


class RecalibrateOut(BaseModel):
    """What distances mean from now on."""

    model_config = example(_RECALIBRATED)

    calibration: ServedCalibration | None = Field(description="Null if there is none.")
    directions: dict[str, DirectionOut] = Field(description="By query and hit, as in `text-image`.")


def kept_out(kept: Judgement) -> KeptJudgement:
    """Describes a judgement.

    Args:
        kept: As the catalogue holds it.

    Returns:
        The judgement.
    """
    return KeptJudgement(
        query=KeptQuery(code=kept.query_code.hex(), modality=kept.modality, bundle_id=kept.bundle_id),
        id=kept.item_id,
        target=kept.target,
        relevant=kept.relevant,
        distance=kept.distance,
        note=kept.note,
        judged_at=moment(kept.judged_at_s),
    )


def direction_out(used: Used) -> DirectionOut:
    """Describes what became of a direction's judgements.

    Args:
        used: The direction.

    Returns:
        The same for clients.
    """
    return DirectionOut(**{**used._asdict(), "lacking": used.lacking or None}, refitted=not used.lacking)


def calibration_out(expectations: Expectations) -> ServedCalibration | None:
    """Describes the calibration that is served.

    Args:
        expectations: What searches promise.

    Returns:
        Whose it is; None if there is none.
    """
    if expectations.calibration is None:
        return None
    made_at_s = expectations.made_at_s
    return (
        ServedCalibration(source="judgements", made_at=moment(made_at_s))
        if made_at_s
        else ServedCalibration(source="bundle", made_at=None)
    )


def moment(seconds: int) -> str:
    """Writes a time.

    Args:
        seconds: Since 1970.

    Returns:
        UTC, ISO 8601.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
