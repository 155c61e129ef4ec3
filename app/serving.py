"""From checked settings to a service that has stopped.

Decides the order: log lines first, then what keys and rates say, then the address, then who may call, then the parts. Does not know
what is served.
"""

from __future__ import annotations

from app.announcement import announce
from app.assembly import start_services
from app.gate import check_gate, refuse_to_be_open
from app.logs import set_up_logging
from app.main import create_app, open_parts
from app.server import Stop, bind, run
from app.settings import Settings
from model.errors import HashingError


def serve(settings: Settings) -> int:
    """Serves until a signal stops it.

    Args:
        settings: Checked settings.

    Returns:
        Exit status.

    Raises:
        HashingError: If the keys, the rate limit, the address, the bundle, the catalogue or the cache cannot be used, or others
            could call a service without keys.
    """
    set_up_logging(settings.log_level, settings.log_format)
    check_gate(settings)
    try:
        bound = bind(settings.host, settings.port)
    except OSError as error:
        where, reason = f"{settings.host}:{settings.port}", error.strerror or error
        raise HashingError(f"cannot listen on {where}: {reason}; --port names another port, 0 any free one") from error
    with bound:
        refuse_to_be_open(settings, str(bound.getsockname()[0]))
        services = start_services(open_parts(settings), settings)
        announce(services)
        stop = Stop(services.life.stop, settings.drain_s, settings.shutdown_grace_s)
        return 0 if run(create_app(settings, services=services), bound, stop) else 1
