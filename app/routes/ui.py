"""The pages for people: ``/`` to search, ``/operator`` to see how the service is, and their files under ``/web``.

Decides where pages are found. Does not know what is on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from app.routes.guarded import GuardedRoute, needs

WEB = Path(__file__).resolve().parent.parent / "web"
router = APIRouter(route_class=GuardedRoute)


@router.get("/", include_in_schema=False)
@needs("nothing")
async def page() -> FileResponse:
    """Returns the search page."""
    return _html("index.html")


@router.get("/operator", include_in_schema=False)
@needs("nothing")
async def operator() -> FileResponse:
    """Returns the operator's page; what it shows needs a key where one is needed."""
    return _html("operator.html")


def static_files() -> StaticFiles:
    """Returns the application that serves the pages' files."""
    return _Fresh(directory=WEB)


class _Fresh(StaticFiles):
    """Static files that are asked about each time, so that those of two versions never meet; unchanged ones are not sent again."""

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        response = super().file_response(*arguments, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _html(name: str) -> FileResponse:
    return FileResponse(WEB / name, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})
