"""``docs/http-api.md``: every operation with its fields and examples; ``python -m handbook.http_page`` writes it anew.

Decides how an operation is shown. Does not know what one does: that stands in the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.main import create_app
from app.settings import Settings
from handbook.schema_words import fields, row, schema_of, type_words

PAGE = Path(__file__).resolve().parents[1] / "docs" / "http-api.md"
_CHAPTERS = {
    "search": "Searching",
    "codes": "Codes",
    "items": "Items",
    "jobs": "Jobs",
    "feedback": "Feedback",
    "health": "Health and figures",
}
_HEAD = """# HTTP operations
<!-- Made by `python -m handbook.http_page`; a test compares. -->
For those who write a client: every operation, its fields and an example, as in the OpenAPI document that a service gives at
`GET /openapi.json`. At `/docs` it has them to try out;
Python has [a client](client.md). What must be given is bold.

Where keys are set ([limits.md](limits.md)), one is sent as `Authorization: Bearer KEY` or `X-API-Key: KEY`, and an operation asks
for the role that it names. Errors are `application/problem+json` with a stable `type` ([Problem](#problem)). Each operation lists
its own, beside what any may answer: 401 and 403 for keys, 429 and 503 with `Retry-After`, 408 and 413 for what is too slow or too
large.
"""
_WIDTH = 110
_EVERYWHERE = {"401", "403", "408", "413", "429", "503"}


def page(document: dict[str, Any]) -> str:
    """Writes the page.

    Args:
        document: OpenAPI.

    Returns:
        Markdown.
    """
    operations = [(verb, path, told) for path, verbs in document["paths"].items() for verb, told in verbs.items()]
    parts = [_HEAD]
    for tag in dict.fromkeys(told["tags"][0] for _, _, told in operations):
        parts.append(f"## {_CHAPTERS.get(tag, tag.capitalize())}\n")
        parts += [_operation(verb, path, told, document) for verb, path, told in operations if told["tags"][0] == tag]
    parts.append("## Objects\nWhat bodies and answers are made of, by name.\n")
    parts += [
        _object(name, schema) for name, schema in sorted(document["components"]["schemas"].items()) if _is_shown(name, schema)
    ]
    return "\n".join(parts)


def current() -> dict[str, Any]:
    """Returns the OpenAPI document of a service with default settings."""
    return create_app(Settings()).openapi()


def _operation(verb: str, path: str, told: dict[str, Any], document: dict[str, Any]) -> str:
    role = f" Role `{told['x-role']}`." if told.get("x-role") else ""
    parts = [f"### {verb.upper()} {path}\n**{told['summary']}.** {told['description']}{role}\n"]
    if told.get("parameters"):
        rows = [
            row(
                f"`{each['name']}` ({each['in']})",
                each["schema"] | {"description": each.get("description", "")},
                each.get("required"),
            )
            for each in told["parameters"]
        ]
        parts.append("| parameter | | |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    parts += _body(told.get("requestBody", {}).get("content", {}), document)
    parts += _answers(told["responses"], document)
    return "\n".join(parts)


def _body(content: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    binary = [f"`{media}`" for media, of in content.items() if schema_of(of, document).get("format") == "binary"]
    if binary:
        yield f"Body as a file: {', '.join(binary)}.\n"
    for media, of in content.items():
        schema = schema_of(of, document)
        if media.partition("/")[2] not in {"json", "form-data"} or not schema.get("properties"):
            continue
        yield f"| {'form' if 'form' in media else 'body'} | | |\n|---|---|---|\n" + "\n".join(fields(schema)) + "\n"
        example = of.get("example") or next(iter(schema.get("examples", [])), None)
        if example is not None and "form" not in media:
            yield _json(example)


def _answers(responses: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    problems = []
    for status, answer in responses.items():
        content = answer.get("content", {})
        if int(status) >= 400 and "application/problem+json" in content:
            names = content["application/problem+json"].get("examples", {})
            problems += [f"{status} `{name}`" for name in names if status not in _EVERYWHERE]
            continue
        of = content.get("application/json", {})
        what = type_words(of["schema"]) if of.get("schema") else ", ".join(f"`{media}`" for media in content) or "nothing"
        yield f"Answers {status}: {what}.\n"
        example = of.get("example") or next(iter(schema_of(of, document).get("examples", [])), None)
        if example is not None:
            yield _json(example)
    if problems:
        yield f"Problems: {', '.join(problems)}.\n"


def _object(name: str, schema: dict[str, Any]) -> str:
    told = schema.get("description", "").strip().split("\n\n")[0].replace("\n", " ")
    if not schema.get("properties"):
        return f"### {name}\n{told}\n\nOne of {type_words(schema)}.\n"
    return f"### {name}\n{told}\n\n| field | | |\n|---|---|---|\n" + "\n".join(fields(schema)) + "\n"


def _is_shown(name: str, schema: dict[str, Any]) -> bool:
    return not name.startswith("Body_") and bool(schema.get("properties") or schema.get("anyOf") or schema.get("oneOf"))


def _json(example: Any) -> str:
    return f"```json\n{_laid_out(example)}\n```\n"


def _laid_out(value: Any, indent: str = "") -> str:
    """Returns JSON in which what is short stands on one line."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + len(indent) <= _WIDTH or not isinstance(value, dict | list):
        return short
    inner, (begin, end) = indent + "  ", "{}" if isinstance(value, dict) else "[]"
    items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    lines = ",\n".join(f"{inner}{'' if key is None else json.dumps(key) + ': '}{_laid_out(each, inner)}" for key, each in items)
    return f"{begin}\n{lines}\n{indent}{end}"


if __name__ == "__main__":
    PAGE.write_text(page(current()), encoding="utf-8")
