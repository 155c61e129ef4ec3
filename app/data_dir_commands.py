"""``bitlens doctor``, ``backup`` and ``restore``: the care of a data folder.

Decides their arguments and what is printed. Status 1 says that not all is well.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.arguments import DataDirOption
from model.command_line import AsJson, for_people
from model.errors import CatalogError
from model.terminal import print_table

if TYPE_CHECKING:
    from app.backup import Manifest
    from app.doctor import Report

_Repair = Annotated[bool, typer.Option("--repair", help="Put right what can be, without losing what was acknowledged.")]
_Pictures = Annotated[bool, typer.Option("--pictures", help="Read every picture and compare it with its digest.")]


def doctor(*, data_dir: DataDirOption = None, repair: _Repair = False, pictures: _Pictures = False, as_json: AsJson = False) -> int:
    """Compares what lies in the data folder, and repairs.

    The catalogue, the index's snapshot and the pictures of a service that is stopped. Status 1: not all is well.
    """
    from app.data_dir import DataDir
    from app.doctor import examine
    from app.settings import load_settings

    held = DataDir(load_settings(data_dir=data_dir).data_dir, must_exist=True)
    try:
        report = examine(held, repair=repair, read_pictures=pictures)
    finally:
        held.close()
    if for_people(as_json=as_json):
        _show(report)
    else:
        sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n" if as_json else _readable(report))
    return 0 if report.is_well else 1


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A tar file to write.")],
    *,
    data_dir: DataDirOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Writes the data folder to one file, also while it is served.

    The file is a tar archive of the catalogue and the pictures, with what proves them whole.
    """
    from app.backup import back_up
    from app.settings import load_settings

    if file.exists() and not force:
        raise CatalogError(f"{file} is there already: --force replaces it")
    manifest = back_up(load_settings(data_dir=data_dir).data_dir, file)
    _tell("backed up", manifest, as_json=as_json)
    if manifest.missing:
        lost = f"{len(manifest.missing)} pictures are lost or damaged and not in the backup"
        raise CatalogError(f"{lost}: ask the doctor, 'bitlens doctor --pictures'")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What backup has written.")],
    *,
    data_dir: DataDirOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the data folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Puts a backup into the data folder of a stopped service."""
    from app.restore import restore as restore_backup
    from app.settings import load_settings

    _tell("restored", restore_backup(file, load_settings(data_dir=data_dir).data_dir, force=force), as_json=as_json)


def _tell(done: str, manifest: Manifest, *, as_json: bool) -> None:
    what = f"{manifest.n_items} items and {manifest.n_pictures} pictures of revision {manifest.revision}"
    told = f"{done} {what}, bundle {manifest.bundle_id}, made at {manifest.made_at}"
    sys.stdout.write((json.dumps(asdict(manifest)) if as_json else told) + "\n")


def _verdict(report: Report) -> str:
    return "all is well" if report.is_well else "not all is well"


def _readable(report: Report) -> str:
    lines = [f"{name:<12} {value}" for name, value in report.facts.items()]
    for finding in report.findings:
        more = ", …" if finding.n > len(finding.examples) else ""
        lines.append(f"{'repaired' if finding.repaired else 'WRONG':<12} {finding.n} × {finding.what}")
        lines.append(f"{'':<12} {', '.join(finding.examples)}{more}")
    return "\n".join([*lines, _verdict(report)]) + "\n"


def _show(report: Report) -> None:
    print_table(("", ""), report.facts.items())
    rows = [("repaired" if each.repaired else "WRONG", each.n, each.what, ", ".join(each.examples)) for each in report.findings]
    if rows:
        print_table(("", "times", "finding", "such as"), rows)
    repairable = not report.is_well and any(not each.repaired for each in report.findings)
    sys.stdout.write(_verdict(report) + ("; 'bitlens doctor --repair' puts right what can be\n" if repairable else "\n"))
