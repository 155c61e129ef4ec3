"""The pages for people: ``/`` to search, ``/operator`` to see how the service is, ``/docs`` to try its interface.

Decides where pages are found. Swagger UI comes from a package (``fastapi-offline`` carries it), so that nothing is asked of other
hosts; where that is missing, only ``/docs`` lacks it. Does not know what is on the pages.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from app.routes.guarded import GuardedRoute, needs

SWAGGER = "fastapi_offline"
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


@router.get("/docs", include_in_schema=False)
@needs("nothing")
async def docs() -> FileResponse:
    """Returns the page on which the interface can be read and tried."""
    return _html("docs.html")


def static_files() -> dict[str, StaticFiles]:
    """Returns the applications that serve the pages' files, by path, the innermost first."""
    package = find_spec(SWAGGER)
    places = package.submodule_search_locations if package else None
    swagger = {"/web/swagger": _Fresh(directory=Path(places[0]) / "static")} if places else {}
    return {**swagger, "/web": _Fresh(directory=WEB)}


class _Fresh(StaticFiles):
    """Static files that are asked about each time, so that those of two versions never meet; unchanged ones are not sent again."""

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        response = super().file_response(*arguments, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _html(name: str) -> FileResponse:
    return FileResponse(WEB / name, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})
