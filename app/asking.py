"""A client for the commands that ask a running service, and what is said when it does not answer as they need.

Decides what is an address, and the next step that a message names. Does not know what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from app.client import BitlensError, Client, Forbidden, Invalid, Retries, Unauthenticated, Unreachable
from model.errors import ConfigError, HashingError

UNKNOWN_KEY = "the key is not known"  # as app.gate says it


def address_of(url: str) -> str:
    """Completes a service's address.

    Args:
        url: As typed; ``http://`` may be left out.

    Returns:
        With it.

    Raises:
        ConfigError: If it is no address.
    """
    address = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError([f"--url: {url!r} is no address of a service: give one like http://127.0.0.1:8000"])
    return address


def check_service(url: str, api_key: str | None) -> int:
    """Asks a service once, so that a wrong address or key is told at once, before much is begun.

    Args:
        url: Its address.
        api_key: A key, or None.

    Returns:
        How many items it holds.

    Raises:
        HashingError: If it does not answer.
    """
    with service_at(url, Client(url, api_key=api_key, retries=Retries(n_tries=2))) as client:
        return client.count_items()["n_items"]


@contextmanager
def service_at(url: str, client: Client) -> Iterator[Client]:
    """Lends a client, and closes it; what the service says is translated.

    Args:
        url: The service's address, for messages.
        client: Talks to it.

    Yields:
        The client.

    Raises:
        ConfigError: If the service says that what is asked is wrong.
        HashingError: If it is out of reach or refuses; the message says what to do next.
    """
    try:
        with client:
            yield client
    except Invalid as error:
        wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors]
        raise ConfigError(wrong or [f"the service at {url} says: {error}"]) from error
    except BitlensError as error:
        raise HashingError(_told(error, url)) from error


def _told(error: BitlensError, url: str) -> str:
    if isinstance(error, Unreachable):
        return f"no service answers at {url} ({error}): start one with 'bitlens serve', or name another address by --url"
    if isinstance(error, Unauthenticated) and error.detail == UNKNOWN_KEY:
        return (
            f"the service at {url} does not know this key: give one that 'bitlens key new' made for it (BITLENS_API_KEY, --api-key)"
        )
    if isinstance(error, Unauthenticated):
        return f"the service at {url} wants a key: set BITLENS_API_KEY to one of those that 'bitlens key new' makes"
    if isinstance(error, Forbidden):
        return f"the service at {url} refuses: {error.detail}; 'bitlens key new --role write' makes a key that may do more"
    return f"the service at {url} says: {error}"
