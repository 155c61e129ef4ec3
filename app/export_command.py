"""``bitlens export-codes``: the codes and ids of a running service as a file.

Decides its arguments.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.arguments import ApiKeyOption, UrlOption
from model.command_line import AsJson


def export_codes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NAME.npy, beside which NAME.ids.txt is put, or NAME.parquet.")],
    *,
    url: UrlOption = "http://127.0.0.1:8000",
    api_key: ApiKeyOption = None,
    modality: Annotated[Literal["image", "text"], typer.Option(help="Which codes .npy holds; .parquet has both.")] = "image",
    where: Annotated[str | None, typer.Option("--filter", metavar="JSON", help="Only items whose payload matches.")] = None,
    as_json: AsJson = False,
) -> int:
    """Writes the packed codes of all items with their ids, as an array or as a table."""
    from app.asking import address_of, check_service, service_at
    from app.client import Client
    from app.export import write_matrix, write_table
    from model.errors import ConfigError

    if file.suffix not in (".npy", ".parquet"):
        raise ConfigError([f"{file}: the name must end in .npy or .parquet"])
    try:
        wanted = None if where is None else json.loads(where)
    except ValueError as error:
        raise ConfigError([f"--filter: no JSON ({error})"]) from error
    address = address_of(url)
    check_service(address, api_key)
    with service_at(address, Client(address, api_key=api_key)) as client:
        items = client.all_items(filter=wanted)
        done = write_matrix(items, file, modality) if file.suffix == ".npy" else write_table(items, file)
    sys.stdout.write(json.dumps(done.as_json(), indent=2) + "\n" if as_json else done.as_text())
    return 0
