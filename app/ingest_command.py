"""``bitlens ingest``: many items into a running service.

Decides its arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.arguments import ApiKeyOption, UrlOption
from model.command_line import AsJson

_SOURCES = "Folders of pictures, pictures, .csv, .tsv, .jsonl, WebDataset .tar, addresses of manifests, datasets:NAME@CONFIG:SPLIT."


def ingest(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help=_SOURCES)],
    *,
    url: UrlOption = "http://127.0.0.1:8000",
    api_key: ApiKeyOption = None,
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Stands before each id.")] = "",
    id_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the id.")] = None,
    image_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the picture's path or address.")] = None,
    text_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the caption.")] = None,
    numbers: Annotated[str, typer.Option(metavar="NAME,…", help="Columns of a CSV that are numbers in the payload.")] = "",
    parallel: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Requests under way at once.")] = 4,
    batch: Annotated[int, typer.Option(metavar="N", min=1, max=4096, help="Most items of a request.")] = 64,
    max_image_bytes: Annotated[int, typer.Option(metavar="N", min=1, help="Larger pictures are not sent.")] = 20 * 1024 * 1024,
    failures: Annotated[Path | None, typer.Option(metavar="FILE", help="List what failed there, a line of JSON each.")] = None,
    as_json: AsJson = False,
) -> int:
    """Indexes what a running service does not hold yet. Broken off, the same command goes on where it was."""
    from app.asking import address_of
    from app.ingest_entries import Columns
    from app.ingest_run import Asked, run

    columns = Columns(id_column, image_column, text_column, tuple(name for name in numbers.split(",") if name))
    asked = Asked(sources, address_of(url), api_key, prefix, columns, parallel, batch, max_image_bytes, failures, as_json)
    return run(asked)
