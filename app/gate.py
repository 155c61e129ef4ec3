"""Who is let in: the key of a request, its role, and how often its caller has asked.

Decides where a key may stand in a request, what is refused first and what of a caller is logged: the key's name. Does not know
which role a route needs (it is declared at the route) nor how keys are kept.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.types import Scope

from app.hosts import Hosts, is_loopback, open_hosts
from app.keys import Key, Keys, Role, open_keys
from app.rate_limit import RateLimiter, open_limiter, read_limit
from app.settings import Settings
from model.errors import ConfigError, Forbidden, RateLimited, Unauthenticated

_log = logging.getLogger(__name__)

ADMITTED = "admitted"
"""Name in a scope's state: the role for which the request has been let in already."""


class Gate:
    """Lets requests in.

    Args:
        keys: Who may call; None lets everybody do everything.
        limiter: How often; None for any number.
        hosts: Under which names without keys; None for any.
    """

    def __init__(self, keys: Keys | None, limiter: RateLimiter | None, hosts: Hosts | None = None) -> None:
        self._keys = keys
        self._limiter = limiter
        self._hosts = hosts

    @property
    def is_open(self) -> bool:
        """Whether no key is needed."""
        return self._keys is None

    async def admit(self, scope: Scope, role: Role) -> None:
        """Lets a request in, or raises; leaves the caller's name and the answer's headers in the scope's state.

        Args:
            scope: The ASGI scope.
            role: What the route needs.

        Raises:
            RateLimited: If this caller has asked too often.
            Unauthenticated: If keys are needed and there is none, or an unknown one.
            Forbidden: If the key's role may not do this; if there are no keys and a browser says that another site's page asks,
                or under a name that is not the service's.
        """
        if scope.get("state", {}).get(ADMITTED) == role:
            return
        sent = dict(reversed(scope["headers"]))  # of several of one name the first
        secret = _secret_of(sent)
        key = self._keys.find(secret) if self._keys and secret else None
        state = scope.setdefault("state", {})
        if key is not None:
            state["key_name"] = key.name
        await self._count(scope, key)
        if self._keys is None:
            if self._hosts is not None:
                self._hosts.check(str(sent.get(b"host", b""), "latin-1"))
            if sent.get(b"sec-fetch-site") == b"cross-site":
                raise Forbidden("pages of other sites may not call a service without keys")
            return
        if key is None:
            wanted = "send a key as 'Authorization: Bearer …' or 'X-API-Key: …'"
            raise Unauthenticated("the key is not known" if secret else wanted, had_key=bool(secret))
        if not key.may(role):
            raise Forbidden(f"this needs the role {role!r}; the key {key.name!r} has the role {key.role!r}")

    async def close(self) -> None:
        """Gives back what was opened for it."""
        if self._limiter is not None:
            await self._limiter.close()

    async def _count(self, scope: Scope, key: Key | None) -> None:
        caller = f"key {key.name}" if key else _address(scope)
        if self._limiter is None or caller is None:
            return
        standing = await self._limiter.hit(caller)
        scope["state"]["answer_headers"] = standing.headers
        if not standing.is_allowed:
            raise RateLimited(standing.detail, retry_after_s=standing.reset_s)


def open_gate(settings: Settings) -> Gate:
    """Makes the gate that the settings describe.

    Args:
        settings: Checked settings.

    Returns:
        The gate.

    Raises:
        ConfigError: If the keys or the rate limit are written wrongly.
    """
    limiter = open_limiter(settings.rate_limit, settings.redis_url)
    return Gate(open_keys(settings.keys, settings.keys_file), limiter, open_hosts(settings.hosts, settings.allow_open))


def check_gate(settings: Settings) -> None:
    """Reads what a gate would be made of, so that mistakes are told before anything is opened.

    Args:
        settings: Checked settings.

    Raises:
        ConfigError: If the keys or the rate limit are written wrongly.
    """
    read_limit(settings.rate_limit)
    open_keys(settings.keys, settings.keys_file)


def refuse_to_be_open(settings: Settings, address: str) -> None:
    """Says in the log that the service is open, where it is; refuses that where other machines could call it.

    Args:
        settings: Checked settings.
        address: The IP address that the service listens on.

    Raises:
        ConfigError: If there are no keys, the address is not a loopback one and the settings do not allow that.
    """
    if settings.keys is not None or settings.keys_file is not None:
        return
    if not is_loopback(address) and not settings.allow_open:
        raise ConfigError(
            [
                f"without keys anybody who reaches {address} could add and delete items: make one with 'python -m app key new' for "
                "BITLENS_KEYS_FILE, or listen on 127.0.0.1, or set BITLENS_ALLOW_OPEN=true if something else guards the service"
            ]
        )
    _log.warning("no keys are set: the service is open to everybody who reaches %s", address)


def _secret_of(sent: Mapping[bytes, bytes]) -> str | None:
    """Finds the key in what stands in ``Authorization: Bearer …``, else in ``X-API-Key``; None if there is none."""
    scheme, _, token = str(sent.get(b"authorization", b""), "latin-1").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return str(sent.get(b"x-api-key", b""), "latin-1").strip() or None


def _address(scope: Scope) -> str | None:
    """Names a caller without a key; None for this machine itself, whose callers are the operator's own."""
    host = str((scope.get("client") or ("unknown",))[0])
    return None if is_loopback(host) else f"address {host}"
