"""The types of answers in ``app/client.py``, written anew from the OpenAPI document by ``python -m tests.client_types``.

Decides how a JSON schema is spelled as a type. Methods and what they take are written by hand.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.builders import fake_parts, running, settings_for

CLIENT = Path(__file__).resolve().parents[1] / "app" / "client.py"
BEGIN, END = "# --- what is answered; a service that is newer may say more ---\n", "# --- what goes wrong ---\n"
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None", "object": "Json"}


def document() -> Any:
    with tempfile.TemporaryDirectory() as folder, running(fake_parts(Path(folder)), settings_for(Path(folder))) as client:
        return client.get("/openapi.json").json()


def types_of(document: Any) -> str:
    """Returns all types that answers consist of, each after those that it needs."""
    lines: dict[str, str] = {}
    for name in [*answers(document), "FailureOut"]:  # the latter in lines, which a document cannot describe
        _add(document, name, lines)
    return "\n".join(lines.values()) + "\n"


def answers(document: Any) -> Iterator[str]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema", {}) if status < "300" else {}
                yield from [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []


def spelled(schema: Any) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(map(spelled, schema["anyOf"]))
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return "Modality" if values == ["image", "text"] else f"Literal[{', '.join(repr(value) for value in values)}]"
    if schema.get("type") == "array":
        return f"list[{spelled(schema['items'])}]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"dict[{spelled(schema.get('propertyNames', {'type': 'string'}))}, {spelled(schema['additionalProperties'])}]"
    return PLAIN[schema.get("type", "object")]


def _add(document: Any, name: str, lines: dict[str, str]) -> None:
    if name in lines:
        return
    schema = document["components"]["schemas"][name]
    for needed in _names(schema.get("properties", {})):
        _add(document, needed, lines)
    fields = {
        field: spelled(each) if field in schema.get("required", []) else f"NotRequired[{spelled(each)}]"
        for field, each in schema["properties"].items()
    }
    lines[name] = f"{name} = TypedDict({name!r}, {{{', '.join(f'{field!r}: {each}' for field, each in fields.items())}}})"


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"].rpartition("/")[2]] if isinstance(value.get("$ref"), str) else []
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _names(each)


if __name__ == "__main__":
    text = CLIENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    CLIENT.write_text(f"{before}{BEGIN}\n{types_of(document())}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", CLIENT], check=True)
