"""The command line of the service: ``python -m app serve``.

Decides exit statuses: 0 after a stop by signal, 2 for a mistake in the settings, 1 for anything else that keeps the service from
starting, each with one line on standard error. Does not know what is served.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.gate import refuse_to_be_open
from app.keys_command import add_key_command
from app.main import create_app, open_parts, start_services
from app.server import bind, run, set_up_logging
from app.settings import Settings, load_settings
from model.errors import ConfigError, HashingError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        Exit status.
    """
    given = _parser().parse_args(argv)
    try:
        status: int = given.run(given)
        return status
    except ConfigError as error:
        return _complain("; ".join(error.mistakes), 2)
    except HashingError as error:
        return _complain(str(error), 1)


def serve(settings: Settings) -> int:
    """Serves until a signal stops it.

    Args:
        settings: Checked settings.

    Returns:
        Exit status.

    Raises:
        HashingError: If the bundle, the catalogue or the cache cannot be used, or others could call a service without keys.
    """
    set_up_logging(settings.log_level)
    try:
        bound = bind(settings.host, settings.port)
    except OSError as error:
        return _complain(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}", 1)
    with bound:
        refuse_to_be_open(settings, str(bound.getsockname()[0]))
        services = start_services(open_parts(settings), settings)
        return 0 if run(create_app(settings, services=services), bound) else 1


def _serve(given: argparse.Namespace) -> int:
    return serve(load_settings(bundle=given.bundle, data_dir=given.data_dir, host=given.host, port=given.port))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Bitlens: search on binary codes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("serve", help="serve a bundle over HTTP", description="Serves a bundle over HTTP.")
    command.add_argument("--bundle", type=Path, metavar="DIR", help="encoder bundle (BITLENS_BUNDLE)")
    command.add_argument("--data-dir", type=Path, metavar="DIR", help="catalogue and pictures (BITLENS_DATA_DIR)")
    command.add_argument("--host", help="address to listen on (HOST)")
    command.add_argument("--port", help="port to listen on, 0 for any free one (PORT)")
    command.set_defaults(run=_serve)
    add_key_command(commands)
    return parser


def _complain(message: str, status: int) -> int:
    sys.stderr.write("bitlens: " + " ".join(message.split()) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
