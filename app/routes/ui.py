"""The search page: ``/`` and its files under ``/web``.

Decides where the page is found. Does not know what is on it.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from app.routes.guarded import GuardedRoute, needs

WEB = Path(__file__).resolve().parent.parent / "web"
router = APIRouter(route_class=GuardedRoute)


@router.get("/", include_in_schema=False)
@needs("nothing")
async def page() -> FileResponse:
    """Returns the search page."""
    return FileResponse(WEB / "index.html", media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})


def static_files() -> StaticFiles:
    """Returns the application that serves the page's files."""
    return StaticFiles(directory=WEB)
