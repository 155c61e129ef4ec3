"""What both command lines share: how their commands are found and run, and in which words a slip of the keyboard is told.

Decides that such a slip ends with status 2, after the usage, in one line that names what is nearest or where the help is; and that
people at a terminal read tables while pipes get plain text. Does not know the commands. ``typer`` reads the words.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from model.errors import HashingError

_OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def program_name(installed: str, module: str) -> str:
    """Returns how this process was called.

    Args:
        installed: Name of the program that installation makes.
        module: The other way to start it.

    Returns:
        One of the two.
    """
    return installed if Path(sys.argv[0]).stem == installed else module


def make_cli(told: str, program: str, *, epilog: str | None = None) -> typer.Typer:
    """Makes a command line without commands.

    Args:
        told: What it is for.
        program: How it was called; a shell can complete the words of an installed program only.
        epilog: What the help ends with.

    Returns:
        The command line; commands are added by ``add``.
    """
    cli = typer.Typer(
        help=told,
        epilog=epilog,
        add_completion=" " not in program,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    cli.callback()(_before_a_command)
    return cli


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(version("bitlens"))
        raise typer.Exit


def _before_a_command(
    *,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Takes what stands before a command."""


def run(cli: typer.Typer, arguments: Sequence[str] | None, program: str, *, prefix: str) -> Any:
    """Runs one command.

    Args:
        cli: The command line.
        arguments: Words after the program's name; None for the process's own.
        program: How it was called.
        prefix: What a line about a mistake begins with.

    Returns:
        What the command returned; 0 after help, 130 after an interrupt.

    Raises:
        SystemExit: With status 2, if the words are no command.
        HashingError: If standard output takes no more, as on a full disk.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = get_command(cli).main(args=words, prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        return status
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_OUTPUT:
            raise
        _drop_output()
        raise HashingError(f"what is printed cannot be written: {error.strerror}") from error
    except typer.TyperException as error:
        with redirect_stdout(sys.stderr):  # where the help is written in colours, it is so at once
            sys.stderr.write(_slip(error, prefix, help_first=not words))
        sys.exit(error.exit_code)


def _drop_output() -> None:
    """Lets what is still to be printed go nowhere, so that the end of the process does not fail by it again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # it is no file
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for the rest of the process)


def for_people(*, as_json: bool) -> bool:
    """Tells whether someone reads standard output, at a terminal.

    Args:
        as_json: Whether JSON was asked for.

    Returns:
        Whether tables are of use there.
    """
    return not as_json and sys.stdout.isatty()


def _slip(error: typer.TyperException, prefix: str, *, help_first: bool) -> str:
    """Writes what is wrong with the words of a command, or the help if there are none."""
    line = f"{prefix}: {_told(error)}"
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is None:
        return f"{line}\n"
    if help_first:
        return f"{context.get_help()}\n"
    usage = context.get_usage()
    more = "" if line.endswith("?") else f"; '{context.command_path} --help' tells more"
    return f"{usage[:1].lower()}{usage[1:]}\n{line}{more}\n"


def _told(error: typer.TyperException) -> str:
    """Returns the message in one line, without what the libraries say of themselves."""
    told = " ".join(error.format_message().split()).rstrip(".")
    told = told.removeprefix("Invalid value: ").replace("Value error, ", "")
    if near := getattr(error, "possibilities", None):
        told = f"{error.message}: did you mean {' or '.join(near)}?"
    known = getattr(getattr(getattr(error, "ctx", None), "command", None), "commands", {})
    if told == "Missing command":
        told += f": one of {', '.join(known)}"
    return told[:1].lower() + told[1:].replace(". Did", ": did")
