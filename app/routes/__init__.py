"""The table of routes."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes import catalogue, codes, health, items, search, search_many, search_more, ui

ROUTERS: tuple[APIRouter, ...] = (
    search.router,
    search_more.router,
    search_many.router,
    codes.router,
    catalogue.router,
    items.router,
    health.router,
    ui.router,
)
