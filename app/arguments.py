"""Arguments that several commands of the service share.

Decides their words. Imports nothing that takes time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDirOption = Annotated[Path | None, typer.Option("--data-dir", metavar="DIR", help="Catalogue and pictures (BITLENS_DATA_DIR).")]
UrlOption = Annotated[str, typer.Option("--url", metavar="URL", envvar="BITLENS_URL", help="Address of the running service.")]
ApiKeyOption = Annotated[
    str | None,
    typer.Option("--api-key", "--key", metavar="KEY", envvar="BITLENS_API_KEY", help="Its key; better by the environment."),
]
