"""Which addresses pictures may be fetched from.

Decides what an allow-list means and which IP addresses are public. Opens no connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from model.errors import ConfigError, ImageUrlRefused

_PORTS = {"https": 443, "http": 80}
# Addresses of these networks carry an IPv4 address that a gateway would pass the packets on to.
_CARRYING_IPV4 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"), IPv6Network("2001::/32"))


@dataclass(frozen=True, slots=True)
class UrlRules:
    """An allow-list.

    Attributes:
        hosts: Names in lower case, ``*.`` before a name for those below it, ``:port`` behind it for another port than the scheme's.
        allow_http: Whether ``http`` is allowed beside ``https``.
    """

    hosts: frozenset[str]
    allow_http: bool = False

    def check(self, address: str) -> httpx.URL:
        """Reads an address and refuses it unless it is on the list.

        Args:
            address: A URL.

        Returns:
            The URL, read.

        Raises:
            ImageUrlRefused: If it is none, or its scheme, host or port is not allowed, or it carries a name or password.
        """
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise ImageUrlRefused("this is no URL") from error
        if url.scheme != "https" and not (url.scheme == "http" and self.allow_http):
            raise ImageUrlRefused("only http and https are allowed" if self.allow_http else "only https is allowed")
        if url.userinfo:
            raise ImageUrlRefused("a URL with a user's name or password is not allowed")
        host = url.host.lower().rstrip(".")
        port = url.port or _PORTS[url.scheme]
        if not any(_stands_for(entry, host, port, _PORTS[url.scheme]) for entry in self.hosts):
            raise ImageUrlRefused("pictures are not fetched from this host and port")
        return url


def read_hosts(listed: str) -> frozenset[str]:
    """Reads the allow-list of the settings.

    Args:
        listed: Entries separated by commas.

    Returns:
        The entries.

    Raises:
        ConfigError: If one is no host name.
    """
    entries = [entry.strip().lower() for entry in listed.split(",") if entry.strip()]
    wrong = [entry for entry in entries if not _is_entry(entry)]
    if wrong:
        raise ConfigError(
            [f"BITLENS_IMAGE_URL_HOSTS: {entry!r} is not like example.org, *.example.org or host:8080" for entry in wrong]
        )
    return frozenset(entries)


def is_public(address: str) -> bool:
    """Tells whether an IP address belongs to the public internet.

    Args:
        address: IPv4 or IPv6.

    Returns:
        False for private, loopback, link-local, shared (CGNAT), multicast, reserved and documentation addresses, for IPv4 addresses
        of these kinds written as IPv6, and for IPv6 addresses that a gateway would turn into IPv4 ones.
    """
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.scope_id is not None or any(found in network for network in _CARRYING_IPV4):
            return False
        found = found.ipv4_mapped or found
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _stands_for(entry: str, host: str, port: int, usual_port: int) -> bool:
    name, _, own_port = entry.partition(":")
    if port != (int(own_port) if own_port else usual_port):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _is_entry(entry: str) -> bool:
    name, colon, port = entry.partition(":")
    labels = name.removeprefix("*.").split(".")
    return all(label and label.replace("-", "").isalnum() and label.isascii() for label in labels) and (
        not colon or (port.isdecimal() and 0 < int(port[:6]) < 65536)
    )
