"""The command line of the service: ``python -m app serve``, ``doctor``, ``backup`` and ``restore``.

Decides exit statuses: 0 after a stop by signal or when all is well, 2 for a mistake in the settings, 1 for anything else that keeps
a command from doing its work, with one line on standard error. Does not know what is served.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from app.announcement import announce
from app.assembly import start_services
from app.backup import Manifest, back_up
from app.data_dir import DataDir
from app.doctor import Report, examine
from app.gate import refuse_to_be_open
from app.keys_command import add_key_command
from app.logs import set_up_logging
from app.main import create_app, open_parts
from app.recalibrate_command import add_recalibrate_command
from app.reindex_command import add_reindex_command
from app.restore import restore
from app.server import Stop, bind, run
from app.settings import Settings, load_settings
from app.settings_page import add_settings_command
from model.errors import CatalogError, ConfigError, HashingError


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
    set_up_logging(settings.log_level, settings.log_format)
    try:
        bound = bind(settings.host, settings.port)
    except OSError as error:
        return _complain(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}", 1)
    with bound:
        refuse_to_be_open(settings, str(bound.getsockname()[0]))
        services = start_services(open_parts(settings), settings)
        announce(services)
        stop = Stop(services.life.stop, settings.drain_s, settings.shutdown_grace_s)
        return 0 if run(create_app(settings, services=services), bound, stop) else 1


def _serve(given: argparse.Namespace) -> int:
    return serve(load_settings(bundle=given.bundle, data_dir=given.data_dir, host=given.host, port=given.port))


def _doctor(given: argparse.Namespace) -> int:
    folder = load_settings(data_dir=given.data_dir).data_dir
    data_dir = DataDir(folder, must_exist=True)
    try:
        report = examine(data_dir, repair=given.repair, read_pictures=given.pictures)
    finally:
        data_dir.close()
    sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n" if given.json else _readable(report))
    return 0 if report.is_well else 1


def _backup(given: argparse.Namespace) -> int:
    if given.file.exists() and not given.force:
        raise CatalogError(f"{given.file} is there already: --force replaces it")
    manifest = back_up(load_settings(data_dir=given.data_dir).data_dir, given.file)
    _tell("backed up", manifest)
    if manifest.missing:
        return _complain(f"{len(manifest.missing)} pictures are lost or damaged and not in the backup: ask the doctor", 1)
    return 0


def _restore(given: argparse.Namespace) -> int:
    _tell("restored", restore(given.file, load_settings(data_dir=given.data_dir).data_dir, force=given.force))
    return 0


def _tell(done: str, manifest: Manifest) -> None:
    what = f"{manifest.n_items} items and {manifest.n_pictures} pictures of revision {manifest.revision}"
    sys.stdout.write(f"{done} {what}, bundle {manifest.bundle_id}, made at {manifest.made_at}\n")


def _readable(report: Report) -> str:
    lines = [f"{name:<12} {value}" for name, value in report.facts.items()]
    for finding in report.findings:
        more = ", …" if finding.n > len(finding.examples) else ""
        lines.append(f"{'repaired' if finding.repaired else 'WRONG':<12} {finding.n} × {finding.what}")
        lines.append(f"{'':<12} {', '.join(finding.examples)}{more}")
    return "\n".join([*lines, "all is well" if report.is_well else "not all is well"]) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Bitlens: search on binary codes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("serve", help="serve a bundle over HTTP", description="Serves a bundle over HTTP.")
    command.set_defaults(run=_serve)
    command.add_argument("--bundle", type=Path, metavar="DIR", help="encoder bundle (BITLENS_BUNDLE)")
    _add_data_dir(command)
    command.add_argument("--host", help="address to listen on (HOST)")
    command.add_argument("--port", help="port to listen on, 0 for any free one (PORT)")
    add_key_command(commands)
    add_settings_command(commands)
    add_reindex_command(commands)
    add_recalibrate_command(commands)
    told = "Compares the catalogue, the index's snapshot and the pictures of a service that is stopped. Status 1: not all is well."
    command = commands.add_parser("doctor", help="compare what lies in the data folder, and repair", description=told)
    command.set_defaults(run=_doctor)
    _add_data_dir(command)
    command.add_argument("--repair", action="store_true", help="put right what can be, without losing what was acknowledged")
    command.add_argument("--pictures", action="store_true", help="read every picture and compare it with its digest")
    command.add_argument("--json", action="store_true", help="print JSON")
    command = commands.add_parser("backup", help="write the catalogue and the pictures to one file, also while they are served")
    command.set_defaults(run=_backup)
    command.add_argument("file", type=Path, metavar="FILE", help="a tar file to write")
    _add_data_dir(command)
    command.add_argument("--force", action="store_true", help="replace a file that is there")
    command = commands.add_parser("restore", help="put a backup into the data folder of a service that is stopped")
    command.set_defaults(run=_restore)
    command.add_argument("file", type=Path, metavar="FILE", help="what backup has written")
    _add_data_dir(command)
    command.add_argument("--force", action="store_true", help="replace what is in the data folder")
    return parser


def _add_data_dir(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data-dir", type=Path, metavar="DIR", help="catalogue and pictures (BITLENS_DATA_DIR)")


def _complain(message: str, status: int) -> int:
    sys.stderr.write("bitlens: " + " ".join(message.split()) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
