"""The table of routes."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes import (
    catalogue,
    codes,
    feedback,
    health,
    items,
    jobs,
    metrics,
    recalibrate,
    search,
    search_many,
    search_more,
    search_url,
    stats,
    ui,
)
from app.routes.guarded import check_guarded
from app.routes.search import short_ways
from app.routes.ui import static_files

__all__ = ["ROUTERS", "check_guarded", "short_ways", "static_files"]
ROUTERS: tuple[APIRouter, ...] = (
    search.router,
    search_more.router,
    search_many.router,
    search_url.router,
    codes.router,
    feedback.router,
    recalibrate.router,
    jobs.router,
    catalogue.router,
    items.router,
    health.router,
    metrics.router,
    stats.router,
    ui.router,
)
