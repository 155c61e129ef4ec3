"""What the service says of itself when it starts: one block.

Decides what an operator wants to see at a glance. Does not know how it is served.
"""

from __future__ import annotations

import logging

from app.deps import Services
from app.settings import Settings
from app.settings_page import without_password

_log = logging.getLogger(__name__)


def announce(services: Services) -> None:
    """Logs what is served and within which limits: a block of lines for readers, one event with fields for machines.

    Args:
        services: What is about to answer.
    """
    told = facts(services)
    if services.settings.log_format == "json":
        _log.info("starting", extra=told)
    else:
        _log.info("starting\n%s", "\n".join(f"  {name:<7} {value}" for name, value in told.items()))


def facts(services: Services) -> dict[str, str]:
    """Collects what is worth telling.

    Args:
        services: What is about to answer.

    Returns:
        Text by name, in the order to be shown.
    """
    settings, parts = services.settings, services.parts
    n_codes = ", ".join(f"{len(index):,} {modality} codes" for modality, index in parts.indexes.items())
    return {
        "bundle": f"{settings.bundle} ({parts.bundle_id}), {parts.n_bits} bits",
        "items": f"{parts.catalog.count():,}: {n_codes}",
        "data": str(settings.data_dir),
        "cache": _cache(services),
        "limits": _limits(settings),
        "keys": _keys(services),
    }


def _limits(settings: Settings) -> str:
    picture = f"{settings.max_image_bytes:,} bytes and {settings.max_image_pixels:,} pixels a picture"
    request = f"{settings.max_request_bytes:,} bytes and {settings.max_batch_items:,} items a request"
    return f"{picture}, {request}, k up to {settings.max_k:,}, {settings.rate_limit} requests a caller"


def _cache(services: Services) -> str:
    settings = services.settings
    if settings.redis_url is None:
        return f"in this process, up to {settings.cache_entries:,} codes"
    near = f", {settings.cache_entries:,} codes of them in this process as well" if settings.cache_entries else ""
    return f"{without_password(settings.redis_url)}, for {settings.cache_ttl_s:,} s{near}"


def _keys(services: Services) -> str:
    settings = services.settings
    places = (["BITLENS_KEYS"] if settings.keys is not None else []) + ([str(settings.keys_file)] if settings.keys_file else [])
    return f"from {' and '.join(places)}" if places else "none: open to everybody who reaches the address"
