"""Bodies that are JSON, or a form with the same JSON in the part ``query`` and pictures beside it, for the OpenAPI document.

Decides nothing.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.filter_schemas import Filter
from app.query_schemas import MixQuery
from app.thing_schemas import CompareIn, EncodeIn

_REF = "#/components/schemas/{model}"


def form_schemas() -> dict[str, Any]:
    """Returns the schemas of such bodies.

    Returns:
        JSON schema by name.
    """
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(m, "validation") for m in (MixQuery, EncodeIn, CompareIn, Filter)]
    _, definitions = models_json_schema(models, ref_template=_REF)
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def body_of(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Describes such a body.

    Args:
        model: One of those in :func:`form_schemas`.
        example: Of the JSON.

    Returns:
        What FastAPI takes as ``openapi_extra``.
    """
    query = {"type": "string", "description": f"{model.__name__} as JSON; `image` names a file part."}
    form = {"type": "object", "required": ["query"], "properties": {"query": query}}
    content = {
        "application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}, "example": example},
        "multipart/form-data": {"schema": {**form, "additionalProperties": {"type": "string", "format": "binary"}}},
    }
    return {"requestBody": {"required": True, "content": content}}
