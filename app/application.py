"""The ASGI application around the services: routes, handlers of errors, middleware, the OpenAPI document.

Decides their order and which route takes how long a body. Does not know what the routes work with.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.arrival import Arrive
from app.assembly import VERSION
from app.error_answers import install_handlers
from app.form_schemas import form_schemas
from app.meters import Meters
from app.middleware import EncodedItemIds, LimitSize, Observe
from app.openapi import describe_problems
from app.other_methods import HeadAsGet, install_allow
from app.routes import ROUTERS, check_guarded, short_ways, static_files
from app.settings import Settings
from app.shortcut import Shortcut

_SMALL = 64 * 1024  # bytes of a body without pictures, and of everything around the picture in a form


class _App(FastAPI):
    """FastAPI, with problems described as they are and nothing around our outermost middleware."""

    def build_middleware_stack(self) -> ASGIApp:
        """Returns what serves requests: the framework's own last resorts stand outside of ours and have nothing left to do."""
        app: Any = super().build_middleware_stack()
        while not isinstance(app, Observe):
            app = app.app
        return app

    def openapi(self) -> dict[str, Any]:
        """Returns the OpenAPI document."""
        document = describe_problems(super().openapi())
        document["components"]["schemas"] |= form_schemas()
        return document


def new_application(
    settings: Settings, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]], meters: Meters
) -> FastAPI:
    """Makes the application.

    Args:
        settings: Checked settings.
        lifespan: Surrounds its life; sets ``app.state.gate`` and ``app.state.services``.
        meters: Count and time requests.

    Returns:
        An ASGI application.
    """
    app = _App(
        title="Bitlens",
        summary="Find pictures by sentences and sentences by pictures.",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere; ours are in app.routes.ui
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # app.tracing and app.metrics see more
        form_limits={"max_files": 4, "max_fields": 16, "max_part_size": _SMALL},
    )
    install_handlers(app)
    install_allow(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    check_guarded(app.routes)
    for path, pages in static_files().items():
        app.mount(path, pages)
    _surround(app, settings, meters)
    return app


def _surround(app: FastAPI, settings: Settings, meters: Meters) -> None:
    limits = {"/search/text": _SMALL, "/search/image": settings.max_image_bytes + _SMALL}
    limits |= dict.fromkeys(("/search/id", "/search/code", "/search/url"), _SMALL)
    limits |= {
        "/search/many": 16 * _SMALL,
        "/feedback": 8 * _SMALL,
        "/recalibrate": _SMALL,
        "/index/jobs": settings.max_archive_bytes,
    }
    app.add_middleware(Shortcut, ways=short_ways())  # added first, so innermost
    app.add_middleware(HeadAsGet)
    app.add_middleware(EncodedItemIds)
    app.add_middleware(Arrive, body_timeout_s=settings.body_timeout_s, request_timeout_s=settings.request_timeout_s)
    app.add_middleware(LimitSize, max_bytes=settings.max_request_bytes, by_path=limits)
    app.add_middleware(Observe, meters=meters)  # added last, so outermost
