"""``bitlens serve``: the service, until a signal stops it.

Decides its arguments, which win over the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.arguments import DataDirOption


def serve(
    *,
    bundle: Annotated[Path | None, typer.Option(metavar="DIR", help="Encoder bundle, or hf://owner/name (BITLENS_BUNDLE).")] = None,
    data_dir: DataDirOption = None,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Address to listen on (HOST).")] = None,
    port: Annotated[str | None, typer.Option(metavar="PORT", help="Port to listen on, 0 for any free one (PORT).")] = None,
) -> int:
    """Serves a bundle over HTTP. It runs until a signal stops it; all other settings come from the environment."""
    from app.serving import serve as serve_until_stopped
    from app.settings import load_settings

    return serve_until_stopped(load_settings(bundle=bundle, data_dir=data_dir, host=host, port=port))
