"""What the service can be told by its environment, with defaults that need nothing set.

Decides names, ranges and defaults; nothing is read before :func:`load_settings` is called. Does not know what the numbers are
used for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.errors import ConfigError

PREFIX = "BITLENS_"
FROM_FILE = "_FILE"
_OF_OTHERS = {"BITLENS_CACHE_DIR", "BITLENS_COCO18", "BITLENS_URL", "BITLENS_API_KEY"}  # other commands' and the tests' own
_BUNDLE = Path("bundles") / "photos-64"
_MIB = 1024 * 1024


def default_bundle() -> Path:
    """Returns the bundle that is served when none is named: under the working directory, else in the source checkout."""
    return _BUNDLE if _BUNDLE.is_dir() else Path(__file__).resolve().parent.parent / _BUNDLE


class Settings(BaseSettings):
    """The service's settings; each is the environment variable ``BITLENS_<NAME>`` unless its alias says otherwise.

    Attributes:
        bundle: Folder of the encoder bundle, or ``hf://owner/name`` to fetch it from the hub.
        data_dir: Folder of the catalogue, the pictures and the lock file; made if missing.
        host: Address to listen on (``HOST``).
        port: Port to listen on, 0 for any free one (``PORT``).
        redis_url: Redis for codes (``REDIS_URL``); without it they are kept in this process.
        cache_ttl_s: Seconds for which Redis keeps a code.
        cache_entries: Most codes that are kept in this process, in front of Redis if there is one; 0 for none.
        kept_items: Most items that are kept in this process, as searches have found them lately; 0 for none.
        max_image_bytes: Largest picture file, bytes.
        max_image_pixels: Largest picture, width × height.
        decode_pixel_budget: Pixels of all pictures that are decoded at the same moment; at least one picture always may be.
        max_request_bytes: Largest body of ``POST /index``, bytes.
        max_batch_items: Most items of one ``POST /index``.
        max_text_chars: Longest query or caption, characters.
        max_payload_bytes: Longest payload of an item, bytes of its JSON.
        max_k: Most hits of one search.
        min_familiarity: How familiar a text or picture must be to be searched by, 0 to 1, where a search does not say; 0 for no
            bound.
        decode_threads: Threads that decode pictures.
        search_threads: Threads that search and read the catalogue.
        encode_threads: Threads that one forward pass may use.
        max_batch: Most inputs of one forward pass, shared by the requests that wait for it.
        max_wait_ms: Milliseconds that a forward pass right behind another one may wait for more inputs; an idle encoder begins at
            once.
        max_waiting: Tasks that may wait for each kind of thread before the service answers 503.
        keys: API keys, ``name:role:sha256`` separated by commas; see :mod:`app.keys`.
        keys_file: File of such keys, one a line; read again whenever it changes.
        allow_open: Whether the service may listen without keys on an address that other machines reach.
        hosts: Names, separated by commas, that a service without keys answers to beside ``localhost``; where it may be open and
            none is given, to any; see :mod:`app.hosts`.
        rate_limit: Requests of one key, or of one address without keys, such as ``600/minute``; ``off`` for no limit.
        image_url_hosts: Hosts that pictures are fetched from by URL, separated by commas; see :mod:`app.fetch_rules`.
        image_url_http: Whether they may be fetched by http as well.
        image_url_timeout_s: Seconds for fetching one.
        request_timeout_s: Seconds after which steps of a request that have not begun are dropped.
        write_timeout_s: The same for requests that need more than the role ``read``.
        body_timeout_s: Seconds in which a request's body must have begun to arrive and go on arriving; see :mod:`app.arrival`.
        snapshot_every_changes: Written or deleted items after which the index is written to disk.
        snapshot_every_s: Seconds after which it is, if anything has changed.
        bulk_folder: Folder whose manifests bulk jobs may read; none by default.
        max_archive_bytes: Largest archive of a bulk job, packed and unpacked, bytes.
        max_jobs: Bulk jobs that may be waiting or running.
        job_ttl_s: Seconds after its end for which a bulk job is kept, with the items that failed.
        max_judgements: Most judgements of hits that are kept.
        log_level: Least important level that is logged.
        log_format: ``console`` for readers, ``json`` for machines: one object a line.
        otlp_endpoint: OpenTelemetry collector that spans are sent to (OTLP over HTTP); needs the extra ``otel``.
        min_free_bytes: Free space below which ``/readyz`` says that the disk is full.
        drain_s: Seconds after a signal to stop in which requests are still taken while ``/readyz`` says not ready.
        shutdown_grace_s: Seconds that running requests are given after that.
        index: How codes are searched: ``auto`` chooses by size and measurement, ``faiss_flat`` and ``scan`` compare all codes,
            ``multi`` looks them up by multi-index hashing; all find the same.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True)

    bundle: Path = Field(default_factory=default_bundle)
    data_dir: Path = Path("data") / "service"
    host: str = Field(default="127.0.0.1", validation_alias="HOST", min_length=1)
    port: int = Field(default=8000, validation_alias="PORT", ge=0, le=65535)
    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL")
    cache_ttl_s: int = Field(default=7 * 24 * 3600, gt=0)
    cache_entries: int = Field(default=100_000, ge=0)
    kept_items: int = Field(default=20_000, ge=0)
    max_image_bytes: int = Field(default=20 * _MIB, gt=0)
    max_image_pixels: int = Field(default=50_000_000, gt=0)
    decode_pixel_budget: int = Field(default=64_000_000, gt=0)
    max_request_bytes: int = Field(default=64 * _MIB, gt=0)
    max_batch_items: int = Field(default=4_096, gt=0)
    max_text_chars: int = Field(default=2_000, gt=0)
    max_payload_bytes: int = Field(default=16 * 1024, gt=0)
    max_k: int = Field(default=1_000, gt=0)
    min_familiarity: float = Field(default=0, ge=0, le=1)
    decode_threads: int = Field(default=2, gt=0, le=64)
    search_threads: int = Field(default=4, gt=0, le=64)
    encode_threads: int = Field(default=1, gt=0, le=256)
    max_batch: int = Field(default=8, gt=0, le=256)
    max_wait_ms: float = Field(default=0, ge=0, le=1_000)
    max_waiting: int = Field(default=64, ge=0)
    keys: str | None = None
    keys_file: Path | None = None
    allow_open: bool = False
    hosts: str = Field(default="", pattern=r"^[A-Za-z0-9.:, -]*$")
    rate_limit: str = "1200/minute"
    image_url_hosts: str = ""
    image_url_http: bool = False
    image_url_timeout_s: float = Field(default=10, gt=0)
    request_timeout_s: float = Field(default=30, gt=0)
    write_timeout_s: float = Field(default=600, gt=0)
    body_timeout_s: float = Field(default=20, gt=0)
    snapshot_every_changes: int = Field(default=10_000, gt=0)
    snapshot_every_s: int = Field(default=300, gt=0)
    bulk_folder: Path | None = None
    max_archive_bytes: int = Field(default=1024 * _MIB, gt=0)
    max_jobs: int = Field(default=16, gt=0)
    job_ttl_s: int = Field(default=7 * 24 * 3600, ge=3600)
    max_judgements: int = Field(default=100_000, ge=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://")
    min_free_bytes: int = Field(default=64 * _MIB, ge=0)
    drain_s: float = Field(default=0, ge=0)
    shutdown_grace_s: int = Field(default=10, gt=0)
    index: Literal["auto", "faiss_flat", "scan", "multi"] = "auto"

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, level: Any) -> Any:
        return level.lower() if isinstance(level, str) else level


def load_settings(**given: Any) -> Settings:
    """Reads the environment; values given here win over it.

    A variable's value may also stand in a file that is named by the variable with ``_FILE`` behind its name.

    Args:
        **given: Settings by field name; None means not given.

    Returns:
        Checked settings.

    Raises:
        ConfigError: If a value is wrong or a variable unknown; every mistake is listed with the name of the variable, or
            of the option.
    """
    environment = {name.upper(): value for name, value in os.environ.items() if value}
    mistakes = _unknown(environment)
    values = {**_from_files(environment, mistakes), **{name: value for name, value in given.items() if value is not None}}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        mistakes += [
            _mistake(entry["loc"], entry["msg"].removeprefix("Value error, "), given) for entry in error.errors(include_url=False)
        ]
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def variable_of(name: str) -> str:
    """Returns the environment variable of a setting.

    Args:
        name: The field's name.

    Returns:
        Upper case, with the prefix where it has one.
    """
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = {variable_of(name) for name in Settings.model_fields}
    accepted = known | {name + FROM_FILE for name in known} | _OF_OTHERS
    mistakes = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in accepted:
            near = get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in sorted(known)], 1)
            meant = [one for one in known if one.removeprefix(PREFIX) in near]
            mistakes.append(f"{name}: there is no such setting" + (f"; is {meant[0]} meant?" if meant else ""))
    return mistakes


def _from_files(environment: Mapping[str, str], mistakes: list[str]) -> dict[str, str]:
    """Reads the values that stand in files, by field name; what keeps it from that is added to the mistakes."""
    variables = {variable_of(name): name for name in Settings.model_fields}
    named = {variable: variable + FROM_FILE for variable in variables if variable + FROM_FILE not in variables}
    values = {}
    for variable, of_file in named.items():
        if of_file in environment and variable in environment:
            mistakes.append(f"{of_file}: {variable} is set as well")
        elif of_file in environment:
            try:
                values[variables[variable]] = Path(environment[of_file]).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeError) as error:
                mistakes.append(f"{of_file}: the file cannot be read: {getattr(error, 'strerror', None) or error}")
    return values


def _mistake(location: tuple[int | str, ...], message: str, given: Mapping[str, Any]) -> str:
    name = str(location[0]).lower() if location else ""
    if given.get(name) is not None:
        return f"--{name.replace('_', '-')}: {message}"
    return f"{variable_of(name) if name in Settings.model_fields else 'settings'}: {message}"
