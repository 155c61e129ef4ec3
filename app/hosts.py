"""Under which names a service without keys answers.

Decides that these are names of this machine alone, and those that the settings add; all names only where something else guards the
service and the settings name none. A page of another site can make its own name lead here (DNS rebinding); its browser then takes
the service for that site, but still sends the site's name. Does not know keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from model.errors import Forbidden


class Hosts:
    """Names of the service.

    Args:
        names: Beside loopback addresses and ``localhost``; lower case, without ports.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def check(self, host: str) -> None:
        """Passes if a request is for this service.

        Args:
            host: The header ``Host``.

        Raises:
            Forbidden: If it names another.
        """
        name = _name_of(host)
        if name == "localhost" or name.endswith(".localhost") or is_loopback(name) or name in self._names:
            return
        raise Forbidden("a service without keys answers as localhost only, unless BITLENS_HOSTS has the name in the header Host")


def open_hosts(names: str, allow_open: bool) -> Hosts | None:
    """Reads the names of the settings.

    Args:
        names: Separated by commas; IPv6 addresses without brackets.
        allow_open: Whether something else guards the service.

    Returns:
        What checks names, or None if any will do: something else guards the service, and no names are given.
    """
    if allow_open and not names.strip(" ,"):
        return None
    return Hosts(_name_of(name) if name.count(":") < 2 else name for name in names.lower().replace(" ", "").split(",") if name)


@lru_cache(1024)
def is_loopback(host: str) -> bool:
    """Tells whether an address is of this machine alone.

    Args:
        host: An IP address, or anything else.

    Returns:
        Whether it is a loopback address.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


@lru_cache(128)
def _name_of(host: str) -> str:
    """Returns the name in a header ``Host``, without port, brackets and a dot at its end; empty if there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""
