"""What FastAPI's OpenAPI document lacks: the schema of problems, and how a key is sent.

Decides nothing that a request depends on. Does not know routes.
"""

from __future__ import annotations

from typing import Any

from app.schemas import Problem

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, where the service was given any."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in a header of its own."},
}


def describe_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Completes an OpenAPI document: problems' schema and ways to send a key come in, the framework's validation errors go.

    Args:
        document: What FastAPI built; changed in place.

    Returns:
        The same document.
    """
    schemas = document["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        answers = operation["responses"]
        if "application/json" in answers.get("422", {}).get("content", {}):
            del answers["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document
