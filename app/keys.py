"""API keys: who may call, and as what.

Decides what a key looks like, how it is kept and which role may do what. Does not know requests.

A key is 256 random bits, so its SHA-256 is all that is kept: there is nothing to guess, which is what slow, salted password hashes
are for, and a slow hash would let strangers keep the processor busy with wrong keys. A line of the file, or an entry of
``BITLENS_KEYS``, is ``name:role:sha256``; a ``#`` begins a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from model.errors import ConfigError

_log = logging.getLogger(__name__)

Role = Literal["read", "write", "admin"]
"""What a key may do: search and look up; also add and delete items; also run the service. Each includes those before it."""
ROLES: tuple[Role, ...] = get_args(Role)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Key:
    """One caller.

    Attributes:
        name: What logs call it.
        role: What it may do.
        digest: SHA-256 of the key, hex.
    """

    name: str
    role: Role
    digest: str

    def may(self, role: Role) -> bool:
        """Tells whether this key may do what needs a role.

        Args:
            role: The role needed.

        Returns:
            Whether it is this key's or is included in it.
        """
        return ROLES.index(self.role) >= ROLES.index(role)

    def __str__(self) -> str:
        return f"{self.name}:{self.role}:{self.digest}"


class Keys(Protocol):
    """A set of keys that may change while the service runs."""

    def find(self, secret: str) -> Key | None:
        """Looks a key up.

        Args:
            secret: What the caller sent.

        Returns:
            The key, or None if it is not known.
        """
        ...


class FixedKeys:
    """Keys that stay as they are.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)

    def find(self, secret: str) -> Key | None:
        """Compares with every key, each in constant time; see :class:`Keys`."""
        digest = digest_of(secret)
        matching = [key for key in self.keys if hmac.compare_digest(key.digest, digest)]
        return matching[0] if matching else None


class FileOfKeys:
    """Keys of a file, which is read again when it has changed: a line that is taken out is a key revoked.

    At start-up every mistake in the file is an error. Later, a line that cannot be read is logged and lets nobody in; if the file
    cannot be read, none of its keys is valid.

    Args:
        path: The file.
        others: Keys from elsewhere, which are valid as well.

    Raises:
        ConfigError: If the file cannot be read, or has mistakes.
    """

    def __init__(self, path: Path, others: Iterable[Key] = ()) -> None:
        self._path = path
        self._others = tuple(others)
        self._seen = self._look()
        self._keys = FixedKeys([*parse_keys(_read(path), str(path)), *self._others])
        _refuse_twins(self._keys.keys)

    def find(self, secret: str) -> Key | None:
        """Reads the file if it has changed, then compares; see :class:`Keys`."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._keys = FixedKeys([*self._reread(), *self._others])
            _log.info("%s has changed: %d keys are valid now", self._path, len(self._keys.keys))
        return self._keys.find(secret)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _reread(self) -> list[Key]:
        keys: list[Key] = []
        try:
            for line in _read(self._path).splitlines():
                try:
                    keys += parse_keys(line, str(self._path))
                except ConfigError as error:
                    _log.error("a key is left out: %s", error)
        except ConfigError as error:
            _log.error("no key of the file is valid: %s", error)
        return keys


def open_keys(listed: str | None, path: Path | None) -> Keys | None:
    """Reads the keys that the settings name.

    Args:
        listed: ``BITLENS_KEYS``.
        path: ``BITLENS_KEYS_FILE``.

    Returns:
        The keys, or None if neither is set: the service is open then.

    Raises:
        ConfigError: If a key is written wrongly, a name is used twice or the file cannot be read.
    """
    if listed is None and path is None:
        return None
    keys = parse_keys((listed or "").replace(",", "\n"), "BITLENS_KEYS")
    _refuse_twins(keys)
    return FixedKeys(keys) if path is None else FileOfKeys(path, keys)


def parse_keys(text: str, place: str) -> list[Key]:
    """Reads keys, one a line.

    Args:
        text: Lines ``name:role:sha256``; empty ones and comments do not count.
        place: Where they are from, for messages.

    Returns:
        The keys in order.

    Raises:
        ConfigError: If a line is none of these; every such line is told by its number, never by its content.
    """
    lines = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), start=1))
    parsed = {number: _parse(line) for number, line in lines if line}
    wrong = [number for number, key in parsed.items() if key is None]
    if wrong:
        roles = ", ".join(ROLES)
        raise ConfigError([f"{place}: key {number} is not written as name:role:sha256 (roles: {roles})" for number in wrong])
    return [key for key in parsed.values() if key is not None]


def new_key(name: str, role: Role) -> tuple[str, Key]:
    """Makes a fresh key.

    Args:
        name: What logs will call it: 1 to 64 letters, digits, ``.``, ``_``, ``-``.
        role: What it may do.

    Returns:
        The secret, which is kept nowhere, and the key for the file.

    Raises:
        ConfigError: If the name has other characters.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(["a key's name has 1 to 64 letters, digits, '.', '_' or '-'"])
    secret = "bitlens_" + secrets.token_urlsafe(32)
    return secret, Key(name, role, digest_of(secret))


def digest_of(secret: str) -> str:
    """Returns what is kept of a key.

    Args:
        secret: The key.

    Returns:
        SHA-256, hex.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _parse(line: str) -> Key | None:
    name, role, digest = (*(part.strip() for part in line.split(":")), "", "", "")[:3]
    known = next((one for one in ROLES if one == role), None)
    if known is None or line.count(":") != 2 or not _NAME.fullmatch(name) or not _DIGEST.fullmatch(digest):
        return None
    return Key(name, known, digest)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"BITLENS_KEYS_FILE: {path} cannot be read ({type(error).__name__})"]) from error


def _refuse_twins(keys: Iterable[Key]) -> None:
    names = [key.name for key in keys]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ConfigError([f"two keys have the name {name!r}" for name in twins])
