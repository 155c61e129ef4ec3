"""JSON schemas in words: the type of a field as a reader would say it, and a table's row for each.

Does not know operations.
"""

from __future__ import annotations

import json
from typing import Any

_BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "minLength": "at least {} characters"}
_BOUNDS |= {"maxLength": "at most {} characters", "minItems": "at least {}", "maxItems": "at most {}"}


def schema_of(content: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Looks a body's schema up.

    Args:
        content: What OpenAPI says of a body in one media type.
        document: OpenAPI.

    Returns:
        The schema, where it is a reference what that refers to; empty if there is none.
    """
    schema: dict[str, Any] = content.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def fields(schema: dict[str, Any]) -> list[str]:
    """Returns a row of a Markdown table for each field of an object, those first that must be given."""
    required = set(schema.get("required", ()))
    return [
        row(f"`{name}`", of, name in required)
        for name, of in sorted(schema.get("properties", {}).items(), key=lambda each: each[0] not in required)
    ]


def row(name: str, schema: dict[str, Any], is_required: bool | None) -> str:
    """Describes a field.

    Args:
        name: In Markdown.
        schema: Of the field.
        is_required: Whether it must be given.

    Returns:
        A table's row: the name, bold where it must be given, its type with bounds and default, and what is said of it.
    """
    default = schema.get("default")
    words = type_words(schema) + (f", default `{json.dumps(default, ensure_ascii=False)}`" if default not in (None, "") else "")
    told = " ".join(schema.get("description", "").split())
    return f"| {f'**{name}**' if is_required else name} | {words} | {told.replace('|', chr(92) + '|')} |"


def type_words(schema: dict[str, Any]) -> str:
    """Returns a type in words, in Markdown: objects as links to where they are described."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(type_words(each) for each in schema[key]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    return _plain(schema) + "".join(
        f", {words.format(f'{schema[bound]:g}')}" for bound, words in _BOUNDS.items() if bound in schema
    )


def _plain(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {type_words(schema['items'])}" if schema.get("items") else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
        return f"object of {type_words(schema['additionalProperties'])}"
    if schema.get("format") == "binary" or schema.get("contentMediaType") == "application/octet-stream":
        return "file"
    return {"string": "text", "boolean": "true or false", "null": "null"}.get(kind, str(kind))
