"""``python -m app key new``: makes a key, shows it once and says what to write into the file.

Decides what is printed. Does not know where keys are kept.
"""

from __future__ import annotations

import argparse
import sys

from app.keys import ROLES, new_key


def add_key_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to a parser; its ``run`` takes the arguments and returns an exit status.

    Args:
        commands: The parser's subcommands.
    """
    command = commands.add_parser("key", help="make API keys", description="Makes API keys.")
    actions = command.add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make a key and show it once", description="Makes a key and shows it once.")
    new.add_argument("--name", required=True, help="what logs call the caller")
    new.add_argument("--role", required=True, choices=ROLES, help="what the key may do; each role includes those before it")
    new.set_defaults(run=print_new_key)


def print_new_key(given: argparse.Namespace) -> int:
    """Makes a key; the secret goes to standard output, everything around it to standard error.

    Args:
        given: ``name`` and ``role``.

    Returns:
        Exit status.

    Raises:
        ConfigError: If the name cannot be used.
    """
    secret, key = new_key(given.name, given.role)
    sys.stderr.write("The key, shown this once:\n")
    sys.stdout.write(secret + "\n")
    sys.stdout.flush()
    sys.stderr.write(f"For the file that BITLENS_KEYS_FILE names, or for BITLENS_KEYS:\n{key}\n")
    return 0
