"""The table of routes."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes import health, items, search, ui

ROUTERS: tuple[APIRouter, ...] = (search.router, items.router, health.router, ui.router)
