"""The shapes of explanations: what a query and a hit have in common, and how sure the bits were in which they differ.

Decides field names. Does not know how explanations are made (``app.explanation``).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

EXPLAIN = "Whether each hit says why it was found; takes longer, and k is then 50 at most."


class PredictedLabel(BaseModel):
    """A label that something is predicted to have."""

    name: str
    probability: float = Field(description="As read off the packed code, 0 to 1.")


class SharedLabel(BaseModel):
    """A label that both the query and the hit are predicted to have."""

    name: str
    query: float = Field(description="The query's probability, 0 to 1.")
    hit: float = Field(description="The hit's probability, 0 to 1.")


class DifferingBit(BaseModel):
    """A bit in which query and hit differ, and how sure they were of it."""

    bit: int = Field(description="Its position, from 0.")
    weight: float = Field(description="The lesser of both certainties, of the one that is known, or 1 if none is; 0 to 1.")
    query: float | None = Field(description="The query's certainty, 0 to 1; null if only its code is known.")
    hit: float | None = Field(description="The hit's certainty, 0 to 1; null if only its code is known.")


class Explanation(BaseModel):
    """What queries and hits alike say of themselves."""

    labels_missing: str | None = Field(description="Why no labels can be told; null if they can.")
    undecided_bits: list[int] | None = Field(
        description="Bits whose certainty is below `undecided_below`: another shot of the same thing might have them the other way "
        "round. Null if only the code is known."
    )
    n_undecided: int | None = Field(description="How many these are.")


class HitExplanation(Explanation):
    """Why an item was found."""

    labels: list[SharedLabel] | None = Field(description="Labels that both are predicted to have, the surest first.")
    n_differing: int = Field(description="Bits that differ: the distance.")
    differing_bits: list[DifferingBit] = Field(description="All of them, the largest weight first.")
    distance_range: list[int] = Field(
        description="Least and largest distance, were the undecided bits of both the other way round.", min_length=2, max_length=2
    )
    summary: str = Field(description="The same in plain words.")


class LabelFigures(BaseModel):
    """What predicted labels are worth, over all labels together."""

    precision: float | None = Field(description="Share of predicted labels that are right; null if none was predicted.")
    recall: float | None = Field(description="Share of labels that are predicted; null if there were none.")
    calibration_error: float | None = Field(description="How far probabilities are off on average, in ten bins.")


class LabelsMeasured(BaseModel):
    """How good predictions of labels are, on pairs that they were not learned from."""

    on: dict[str, Any] = Field(description="The data, the split, how many pairs, and how their labels were taken.")
    image: LabelFigures
    text: LabelFigures


class QueryExplanation(Explanation):
    """What was seen in the query."""

    labels: list[PredictedLabel] | None = Field(description="Labels that it is predicted to have, the surest first.")
    least_probability: float | None = Field(
        description="From which probability on a label counts as predicted; null if the bundle has no labels."
    )
    labels_measured: LabelsMeasured | None = Field(description="How good such predictions are; null if the bundle has no labels.")
    undecided_below: float = Field(description="Below which certainty a bit counts as undecided.")
