"""A client for the commands that ask a running service, and what is said when it does not answer as they need.

Decides the next step that a message names. Does not know what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.client import BitlensError, Client, Forbidden, Retries, Unauthenticated, Unreachable
from model.errors import HashingError


@contextmanager
def service_at(url: str, client: Client) -> Iterator[Client]:
    """Lends a client, and closes it; what the service says is translated.

    Args:
        url: The service's address, for messages.
        client: Talks to it.

    Yields:
        The client.

    Raises:
        HashingError: If the service is out of reach or says no; the message says what to do next.
    """
    try:
        with client:
            yield client
    except BitlensError as error:
        raise HashingError(_told(error, url)) from error


def check_service(url: str, api_key: str | None) -> int:
    """Asks a service once, so that a wrong address or key is told at once.

    Args:
        url: Its address.
        api_key: A key, or None.

    Returns:
        How many items it holds.

    Raises:
        HashingError: If it does not answer.
    """
    with service_at(url, Client(url, api_key=api_key, retries=Retries(n_tries=3))) as client:
        return client.count_items()["n_items"]


def _told(error: BitlensError, url: str) -> str:
    if isinstance(error, Unreachable):
        return f"no service answers at {url} ({error}): start one with 'bitlens serve', or name another address by --url"
    if isinstance(error, Unauthenticated):
        return f"the service at {url} wants a key: set BITLENS_API_KEY to one of those that 'bitlens key new' makes"
    if isinstance(error, Forbidden):
        return f"the service at {url} refuses: {error.detail}; 'bitlens key new --role write' makes a key that may do more"
    return f"the service at {url} says: {error}"
