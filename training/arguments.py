"""Arguments that several commands of the trainer share.

Decides their words, defaults and forms. Imports nothing that takes time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

CACHE_DIR = Path(".cache/bitlens")
_CONFIGS = Path(__file__).parent / "configs"


def natural(value: str | int) -> int:
    """Reads a whole number from 1 on.

    Args:
        value: As typed, or a default.

    Returns:
        The number.

    Raises:
        ValueError: If it is none.
    """
    if not str(value).isdecimal() or int(value) < 1:
        raise ValueError(f"expected a whole number from 1 on, not {value!r}")
    return int(value)


def share(*, with_ends: bool) -> Callable[[str | float], float]:
    """Makes what reads a number from 0 to 1.

    Args:
        with_ends: Whether 0 and 1 themselves are allowed.

    Returns:
        From what is typed to the number; raises ``ValueError`` if it is none.
    """

    def read(value: str | float) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (0 <= number <= 1 if with_ends else 0 < number < 1):
            raise ValueError(f"expected a number {'from 0 to' if with_ends else 'between 0 and'} 1, not {value!r}")
        return number

    return read


class Seeds(tuple[int, ...]):
    """Whole numbers between commas."""

    __slots__ = ()

    @classmethod
    def read(cls, value: str) -> Seeds:
        """Reads them.

        Args:
            value: As typed.

        Returns:
            The numbers.

        Raises:
            ValueError: If there is anything else.
        """
        if not all(part.strip().isdecimal() for part in value.split(",")):
            raise ValueError(f"expected whole numbers between commas, not {value!r}")
        return cls(int(part) for part in value.split(","))


def shipped_configs(incomplete: str) -> list[str]:
    """Lists the configurations that a shell may offer.

    Args:
        incomplete: What is typed so far.

    Returns:
        Names, in order.
    """
    return sorted(path.stem for path in _CONFIGS.glob("*.toml") if path.stem.startswith(incomplete))


Data = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the data set, or datasets:NAME.")]
CacheDir = Annotated[Path, typer.Option(metavar="DIR", envvar="BITLENS_CACHE_DIR", help="Where features are kept.")]
Config = Annotated[
    Path, typer.Option(metavar="FILE", help="TOML file, or the name of a shipped one.", autocompletion=shipped_configs)
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="section.key=value", help="Override a setting; as often as needed.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="data.key=value", help="Names of columns and splits, as in training; as often as needed."),
]
BundleDir = Annotated[Path, typer.Option("--bundle", metavar="DIR", help="Folder of the bundle, or its name on the hub.")]
Threads = Annotated[int, typer.Option(metavar="N", parser=natural, help="Threads of the forward passes.")]
