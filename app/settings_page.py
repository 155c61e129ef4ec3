"""The settings for readers: the page ``docs/settings.md``, and what a service would use.

Decides how a setting is described: as in the docstring of :class:`app.settings.Settings`. Secrets are never shown.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from app.settings import Settings, variable_of

_HEAD = """# Settings
<!-- Made by `python -m app settings --markdown`; a test compares. -->
By environment; `--bundle`, `--data-dir`, `--host` and `--port` of the command line win. An empty variable counts as not set. An
unknown `BITLENS_…` is refused, and the nearest name is told. `python -m app settings` prints what a service would use here.

Each value may also stand in a file, as secrets do: `REDIS_URL_FILE=/run/secrets/redis-url` reads `REDIS_URL` from there
(`BITLENS_KEYS_FILE` is a setting of its own, a file that is read again when it changes).

| variable | default | |
|---|---|---|
"""


def page() -> str:
    """Returns the page, in Markdown."""
    rows = [f"| `{variable_of(name)}` | {_default(name)} | {told} |" for name, told in descriptions().items()]
    return _HEAD + "\n".join(rows) + "\n"


def descriptions() -> dict[str, str]:
    """Returns what the docstring says of each setting, by field name, in Markdown."""
    section = inspect.cleandoc(Settings.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: _markdown(" ".join(told.split())) for name, told in entries}


def in_use(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yields the variables with what they are set to; secrets are left out.

    Args:
        settings: Checked settings.

    Yields:
        Variable and value.
    """
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name == "redis_url" and value:
            value = without_password(value)
        yield variable_of(name), "(set)" if name == "keys" and value else _shown(value)


def without_password(url: str) -> str:
    """Returns an address without user, password and query.

    Args:
        url: Any address.

    Returns:
        Scheme, host, port and path.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _default(name: str) -> str:
    default = Settings.model_fields[name].default
    if name == "bundle":
        return "`bundles/photos-64`"
    return f"`{_shown(default)}`" if _shown(default) else "none"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _markdown(told: str) -> str:
    told = re.sub(r" \(``[A-Z_]+``\)", "", told)  # the variable has a column of its own
    return re.sub(r":(mod|class|func):", "", told).replace("``", "`")
