"""How a command asks a running service: its address, the key, and in which words it is told that this did not work.

Decides the default address and the next step behind each error. Does not know what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from app.client import BitlensError, Client, Forbidden, Invalid, Problem, Retries, Unauthenticated, Unreachable
from model.errors import ConfigError, HashingError


@contextmanager
def asking(url: str, key: str | None, **more: Any) -> Iterator[Client]:
    """Opens a client for a person who waits: little is tried again, and errors say what to do.

    Args:
        url: The service's address; ``http://`` may be left out.
        key: An API key, where one is needed.
        **more: What else :class:`app.client.Client` takes.

    Yields:
        The client.

    Raises:
        ConfigError: If the address is none, or the service says that a request is wrong.
        HashingError: If the service is not there, or refuses.
    """
    address = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError([f"{url!r} is no address of a service: give one like http://127.0.0.1:8000"])
    try:
        with Client(address, api_key=key, retries=Retries(n_tries=2), **more) as client:
            yield client
    except BitlensError as error:
        raise _told(error, address) from error


def _told(error: BitlensError, address: str) -> HashingError:
    if isinstance(error, Unreachable):
        return HashingError(f"no service answers at {address}: 'bitlens serve' starts one, --url names another address")
    if isinstance(error, Unauthenticated):
        return HashingError(f"{address} wants a valid key: --key or BITLENS_API_KEY gives one, 'bitlens key new' makes one")
    if isinstance(error, Forbidden):
        return HashingError(f"{error.detail}; a key of another role may: 'bitlens key new --role …' makes one")
    if isinstance(error, Invalid):
        return ConfigError([f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors] or [error.detail])
    return HashingError(error.detail if isinstance(error, Problem) else str(error))
