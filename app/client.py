"""A client of the service in one file that can be taken along: it needs httpx, and nothing of this project.

    with Client("http://localhost:8000", api_key="…") as client:
        hits = client.search_text("a dog on the grass", k=3)["hits"]

:class:`Client` and :class:`AsyncClient` have the same methods, one an operation of the OpenAPI document; each is described once, as
a :class:`Call`. Answers are typed dictionaries with the document's names. What passes (a busy service, a limit of rate, a lost
connection) is waited for; a write has an ``Idempotency-Key``, so that it may be sent again and is done once.
"""
# ruff: noqa: UP013 (answers are a table of types; as classes they would be twice as long)

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import random
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Concatenate, Generic, Literal, NotRequired, ParamSpec, Self, TypeAlias, TypedDict, TypeVar, Unpack, overload
from urllib.parse import quote

import httpx

P = ParamSpec("P")
T = TypeVar("T")
Modality: TypeAlias = Literal["image", "text"]
Filter: TypeAlias = Mapping[str, Any]
Json: TypeAlias = dict[str, Any]

# --- what is asked ---


class Bounds(TypedDict, total=False):
    """Which hits are wanted; what is left out is the service's default."""

    k: int
    max_distance: int | None
    min_precision: float | None
    min_familiarity: float | None
    target: Modality | None
    filter: Filter | None
    dedupe: bool
    cursor: str | None
    explain: bool


class Query(Bounds, total=False):
    """One of many searches: by ``query`` (a text), ``id`` or ``code``."""

    query: str
    id: str
    by: Modality | None
    code: str
    modality: Modality | None
    bundle_id: str | None


class Thing(TypedDict, total=False):
    """A text, a picture (its file's bytes), an item or a code: one of them."""

    text: str | None
    image: bytes | None
    id: str | None
    by: Modality | None
    code: str | None


class MixPart(Thing, total=False):
    """A thing and its weight, negative for what is not wanted."""

    weight: float


class NewItem(TypedDict):
    """An item to be indexed: a text, a picture (its file's bytes), or both."""

    id: str
    text: NotRequired[str | None]
    image: NotRequired[bytes | None]
    payload: NotRequired[Mapping[str, Any]]


class JudgedQuery(TypedDict):
    """The query of an answer, as it came with the hit."""

    code: str
    modality: Modality
    bundle_id: str
    cached: NotRequired[bool | None]
    familiarity: NotRequired[float | None]
    explanation: NotRequired[dict[str, Any] | None]


class JudgementIn(TypedDict):
    """Whether a hit is what was looked for."""

    query: JudgedQuery | QueryOut
    id: str
    target: Modality
    relevant: bool
    note: NotRequired[str | None]


# --- what is answered; a service that is newer may say more ---

SharedLabel = TypedDict("SharedLabel", {"name": str, "query": float, "hit": float})
DifferingBit = TypedDict("DifferingBit", {"bit": int, "weight": float, "query": float | None, "hit": float | None})
HitExplanation = TypedDict(
    "HitExplanation",
    {
        "labels_missing": str | None,
        "undecided_bits": list[int] | None,
        "n_undecided": int | None,
        "labels": list[SharedLabel] | None,
        "n_differing": int,
        "differing_bits": list[DifferingBit],
        "distance_range": list[int],
        "summary": str,
    },
)
HitOut = TypedDict(
    "HitOut",
    {
        "id": str,
        "distance": int,
        "expected_precision": float | None,
        "precision_interval": list[float] | None,
        "target": Modality,
        "text": str | None,
        "payload": Json,
        "image_url": str | None,
        "explanation": NotRequired[HitExplanation | None],
    },
)
PredictedLabel = TypedDict("PredictedLabel", {"name": str, "probability": float})
LabelFigures = TypedDict("LabelFigures", {"precision": float | None, "recall": float | None, "calibration_error": float | None})
LabelsMeasured = TypedDict("LabelsMeasured", {"on": Json, "image": LabelFigures, "text": LabelFigures})
QueryExplanation = TypedDict(
    "QueryExplanation",
    {
        "labels_missing": str | None,
        "undecided_bits": list[int] | None,
        "n_undecided": int | None,
        "labels": list[PredictedLabel] | None,
        "least_probability": float | None,
        "labels_measured": LabelsMeasured | None,
        "undecided_below": float,
    },
)
QueryOut = TypedDict(
    "QueryOut",
    {
        "modality": Modality | None,
        "code": str,
        "bundle_id": str,
        "cached": bool,
        "familiarity": float | None,
        "explanation": NotRequired[QueryExplanation | None],
    },
)
SearchOut = TypedDict(
    "SearchOut",
    {
        "hits": list[HitOut],
        "next_cursor": str | None,
        "no_match": bool,
        "no_match_reason": Literal["too_far", "unfamiliar"] | None,
        "query": QueryOut,
    },
)
ItemError = TypedDict("ItemError", {"type": str, "title": str, "status": int, "detail": str})
FailedOut = TypedDict("FailedOut", {"error": ItemError})
ManyOut = TypedDict("ManyOut", {"results": list[SearchOut | FailedOut], "n_failed": int})
EncodedOut = TypedDict("EncodedOut", {"hex": str, "base64": str, "relaxed": list[float] | None, "familiarity": float | None})
EncodeOut = TypedDict("EncodeOut", {"results": list[EncodedOut | FailedOut], "n_failed": int, "n_bits": int, "bundle_id": str})
CompareOut = TypedDict("CompareOut", {"distance": int, "n_bits": int, "agreeing_bits": list[int], "bundle_id": str})
JudgementResult = TypedDict(
    "JudgementResult",
    {
        "id": str | None,
        "status": Literal["added", "replaced", "failed"],
        "distance": NotRequired[int | None],
        "error": NotRequired[ItemError | None],
    },
)
FeedbackOut = TypedDict("FeedbackOut", {"results": list[JudgementResult], "n_added": int, "n_replaced": int, "n_failed": int})
KeptQuery = TypedDict("KeptQuery", {"code": str, "modality": Modality, "bundle_id": str})
KeptJudgement = TypedDict(
    "KeptJudgement",
    {
        "query": KeptQuery,
        "id": str | None,
        "target": Modality,
        "relevant": bool,
        "distance": int,
        "note": str | None,
        "judged_at": str,
    },
)
JudgementsOut = TypedDict("JudgementsOut", {"judgements": list[KeptJudgement], "next_cursor": str | None})
ForgottenOut = TypedDict("ForgottenOut", {"n_deleted": int})
ServedCalibration = TypedDict("ServedCalibration", {"source": Literal["bundle", "judgements"], "made_at": str | None})
DirectionOut = TypedDict(
    "DirectionOut",
    {"n": int, "n_relevant": int, "n_queries": int, "refitted": bool, "lacking": str | None, "base_rate": float | None},
)
RecalibrateOut = TypedDict("RecalibrateOut", {"calibration": ServedCalibration | None, "directions": dict[str, DirectionOut]})
FailureOut = TypedDict("FailureOut", {"line": int, "id": str | None, "type": str, "detail": str})
JobOut = TypedDict(
    "JobOut",
    {
        "id": str,
        "state": Literal["waiting", "running", "done", "cancelled", "failed"],
        "manifest": str | None,
        "n_asked": int | None,
        "n_added": int,
        "n_replaced": int,
        "n_failed": int,
        "n_left": int | None,
        "error": str | None,
        "created_at_s": int,
        "started_at_s": int | None,
        "ended_at_s": int | None,
        "failures": NotRequired[list[FailureOut]],
    },
)
JobsOut = TypedDict("JobsOut", {"jobs": list[JobOut]})
ImageOut = TypedDict("ImageOut", {"media_type": str, "width": int, "height": int, "sha256": str})
CodesOut = TypedDict("CodesOut", {"image": str | None, "text": str | None})
ItemOut = TypedDict(
    "ItemOut",
    {
        "id": str,
        "text": str | None,
        "payload": Json,
        "image_url": str | None,
        "image": ImageOut | None,
        "codes": CodesOut,
        "bundle_id": str,
    },
)
PageOut = TypedDict("PageOut", {"items": list[ItemOut], "next_cursor": str | None})
ItemResult = TypedDict(
    "ItemResult",
    {
        "id": str | None,
        "status": Literal["added", "replaced", "failed"],
        "error": NotRequired[ItemError | None],
        "same_image": NotRequired[list[str] | None],
        "same_text": NotRequired[list[str] | None],
    },
)
IndexOut = TypedDict("IndexOut", {"results": list[ItemResult], "n_added": int, "n_replaced": int, "n_failed": int})
LookupOut = TypedDict("LookupOut", {"items": list[ItemOut | None]})
CountOut = TypedDict("CountOut", {"n_items": int})
AlikeOut = TypedDict("AlikeOut", {"sha256": str, "n_items": int, "ids": list[str]})
DuplicatesOut = TypedDict("DuplicatesOut", {"modality": Modality, "groups": list[AlikeOut], "next_cursor": str | None})
DeleteResult = TypedDict("DeleteResult", {"id": str, "status": Literal["deleted", "unknown"]})
DeleteOut = TypedDict("DeleteOut", {"results": NotRequired[list[DeleteResult] | None], "n_deleted": int, "n_unknown": int})
Live = TypedDict("Live", {"status": NotRequired[Literal["ok"]]})
Checks = TypedDict(
    "Checks",
    {
        "bundle": Literal["ok", "changing"],
        "catalogue": Literal["ok", "unavailable"],
        "index": Literal["ok", "differs"],
        "cache": Literal["ok", "degraded"],
        "disk": Literal["ok", "full"],
        "service": Literal["ok", "stopping"],
        "background": Literal["ok", "ended"],
    },
)
Ready = TypedDict(
    "Ready",
    {
        "status": Literal["ready", "not_ready"],
        "checks": Checks,
        "missing": list[str],
        "bundle_id": str,
        "n_bits": int,
        "n_items": int,
        "calibrated": bool,
        "calibration": ServedCalibration | None,
    },
)
IndexStats = TypedDict(
    "IndexStats", {"n_codes": int, "n_bytes": int, "engine": str, "n_different": int | None, "n_tail": int, "n_removed": int}
)
JudgementStats = TypedDict("JudgementStats", {"n": int, "n_relevant": int})
PoolStats = TypedDict("PoolStats", {"name": str, "n_waiting": int, "n_running": int, "n_refused": int})
DriftOut = TypedDict(
    "DriftOut",
    {
        "n_pairs": int,
        "n_needed": int,
        "total_variation": float | None,
        "threshold": float | None,
        "shift": float | None,
        "is_drifting": bool,
        "words": str,
    },
)
FamiliarityStats = TypedDict(
    "FamiliarityStats", {"n": int, "mean": float | None, "unfamiliar_below": float, "n_unfamiliar": int, "n_abstained": int}
)
StatsOut = TypedDict(
    "StatsOut",
    {
        "version": str,
        "uptime_s": float,
        "bundle_id": str,
        "n_bits": int,
        "n_items": int | None,
        "index": dict[Modality, IndexStats],
        "judgements": dict[str, JudgementStats] | None,
        "calibration": ServedCalibration | None,
        "snapshot_age_s": float | None,
        "cache": Literal["ok", "degraded"],
        "cache_lookups": dict[Literal["found", "missing", "unavailable"], int],
        "pools": list[PoolStats],
        "drift": dict[Literal["image-text", "text-image", "image-image", "text-text"], DriftOut],
        "familiarity": dict[Modality, FamiliarityStats],
    },
)
Bucket = TypedDict("Bucket", {"code": str, "n_codes": int, "share": float})
HealthOut = TypedDict(
    "HealthOut",
    {
        "n_informative": int,
        "n_constant": int,
        "n_copies": int,
        "balance": list[float],
        "entropy": float,
        "correlation": float,
        "largest_correlation": float,
        "effective_bits": float,
        "n_distinct": int,
        "share_equal": float,
        "collision": float,
        "bucket_sizes": list[int],
        "largest_buckets": list[Bucket],
    },
)
ModalityCodes = TypedDict("ModalityCodes", {"n_indexed": int, "n_sampled": int, "health": HealthOut | None})
DistancesOut = TypedDict("DistancesOut", {"n_pairs": int, "mean": float | None, "by_distance": list[int]})
CodeStatsOut = TypedDict(
    "CodeStatsOut",
    {
        "measured_at": str,
        "age_s": float,
        "bundle_id": str,
        "n_bits": int,
        "codes": dict[Modality, ModalityCodes],
        "modality_gap": float | None,
        "distances": dict[Literal["image-image", "text-text", "image-text"], DistancesOut],
        "alarms": list[str],
    },
)
CurveOut = TypedDict(
    "CurveOut", {"base_rate": float, "n_pairs": int, "expected_precision": list[float], "low": list[float], "high": list[float]}
)
CalibrationStatsOut = TypedDict(
    "CalibrationStatsOut",
    {
        "served": ServedCalibration | None,
        "kind": Literal["labels", "partner", "judgements"] | None,
        "n_bits": int,
        "measured_on": Json,
        "curves": dict[str, CurveOut],
    },
)


# --- what goes wrong ---


class BitlensError(Exception):
    """Whatever this client raises."""


class Unreachable(BitlensError):
    """The service did not answer, however often it was asked."""


class Problem(BitlensError):
    """The service said no; see RFC 9457.

    Args:
        response: What it said.

    Attributes:
        status: HTTP status.
        slug: Last part of the problem's stable ``type``; empty if it was no problem of the service.
        title: The same for every occurrence.
        detail: What happened this time.
        errors: Fields that are wrong, each with ``loc``, ``msg`` and ``type``.
        retry_after_s: Seconds after which the service wants to be asked again, or None.
    """

    def __init__(self, response: httpx.Response) -> None:
        try:
            said = response.json()
        except ValueError:
            said = None
        said = said if isinstance(said, dict) else {}
        self.status = response.status_code
        self.slug = str(said.get("type", "")).rpartition("/")[2]
        self.title = str(said.get("title", response.reason_phrase))
        self.detail = str(said.get("detail", self.title))
        self.errors: list[Json] = said.get("errors") or []
        self.retry_after_s = _retry_after_s(response)
        super().__init__(f"{self.status} {self.title}" + (f": {self.detail}" if self.detail != self.title else ""))


class Invalid(Problem):
    """400, 405, 408 or 422: the request, or what it holds, cannot be used."""


class Unauthenticated(Problem):
    """401: a valid key is needed."""


class Forbidden(Problem):
    """403: the key's role does not allow it."""


class NotFound(Problem):
    """404: there is no such item, job or address."""


class Conflict(Problem):
    """409: codes of another bundle, a job that is over, a request that is still worked on."""


class TooLarge(Problem):
    """413: a picture, or the request as a whole."""


class Unsupported(Problem):
    """415: a media type that is not read."""


class RateLimited(Problem):
    """429: too many requests of this caller."""


class Unavailable(Problem):
    """5xx: the service is busy, or something in it is broken."""


_KINDS = {401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 413: TooLarge, 415: Unsupported, 429: RateLimited}


def _problem(response: httpx.Response) -> Problem:
    return _KINDS.get(response.status_code, Unavailable if response.is_server_error else Invalid)(response)


def _retry_after_s(response: httpx.Response) -> float | None:
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


# --- how it is asked ---

_Paged = TypedDict("_Paged", {"next_cursor": str | None})
Page = TypeVar("Page", bound=_Paged)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and what its answer is.

    Attributes:
        method: HTTP method.
        path: Path; what it names is percent-encoded.
        answer: A typed dictionary; bytes, str or NoneType for what is no JSON; a list for a line of JSON each.
        request: What httpx takes as ``params``, ``headers``, ``content``, ``data`` and ``files``.
        content: Opens a longer body, which is streamed, anew for each try.
        repeatable: Whether it may be sent again though it may have arrived.
        also: Statuses that are answers as well.
    """

    method: str
    path: str
    answer: type[T]
    request: Json = field(default_factory=dict)
    content: Callable[[], Iterator[bytes]] | None = None
    repeatable: bool = True
    also: tuple[int, ...] = ()

    def read(self, outcome: httpx.Response | httpx.TransportError) -> T:
        """Returns the answer, or raises what went wrong."""
        if isinstance(outcome, httpx.TransportError):
            raise Unreachable(f"{self.method} {self.path}: {outcome or type(outcome).__name__}") from outcome
        if not (outcome.is_success or self.is_answer(outcome)):
            raise _problem(outcome)
        answers: dict[Any, Callable[[], Any]] = {
            bytes: lambda: outcome.content,
            str: lambda: outcome.text,
            type(None): lambda: None,
        }
        if getattr(self.answer, "__origin__", None) is list:
            answers = {self.answer: lambda: [json.loads(line) for line in outcome.iter_lines()]}
        try:
            answer: T = answers.get(self.answer, outcome.json)()
        except ValueError as error:
            raise BitlensError(f"{self.method} {self.path}: the answer is no JSON; is this address the service's?") from error
        return answer

    def is_answer(self, response: httpx.Response) -> bool:
        """Tells whether a response that is no success is an answer all the same."""
        return response.status_code in self.also and "problem" not in response.headers.get("Content-Type", "")

    def may_go_better(self, outcome: httpx.Response | httpx.TransportError) -> bool:
        """Tells whether what happened may pass, and asking again does no harm."""
        if isinstance(outcome, httpx.Response):
            in_progress = outcome.status_code == 409 and b"/problems/request-in-progress" in outcome.content
            is_busy = outcome.status_code in (429, 503) and not self.is_answer(outcome)  # nothing has been done then
            return is_busy or in_progress or (outcome.status_code in (502, 504) and self.repeatable)
        if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):  # nothing has been sent then
            return True
        return self.repeatable and isinstance(outcome, httpx.NetworkError | httpx.TimeoutException | httpx.RemoteProtocolError)


@dataclass(frozen=True)
class Retries:
    """When a request is sent again: waits double, and of each a random share is taken, so that clients do not come all at once.

    Attributes:
        n_tries: At most so many, the first one among them.
        first_s: Longest wait before the second try, seconds.
        most_s: Longest wait; where the service asks for a longer one, the call fails.
    """

    n_tries: int = 6
    first_s: float = 0.25
    most_s: float = 30.0

    def wait_s(self, call: Call[Any], n_tried: int, outcome: httpx.Response | httpx.TransportError) -> float | None:
        """Returns the seconds after which a call is to be sent again, or None if its outcome stands."""
        asked_s = _retry_after_s(outcome) or 0.0 if isinstance(outcome, httpx.Response) else 0.0
        if n_tried >= self.n_tries or asked_s > self.most_s or not call.may_go_better(outcome):
            return None
        return asked_s + random.uniform(0, min(self.most_s, self.first_s * 2 ** (n_tried - 1)))  # noqa: S311


class _Operation(Generic[P, T]):
    """Makes of the description of a call a method that makes the call, of either client."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        @functools.wraps(describe)
        def run(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
            return client.run(describe(client, *args, **kwargs))

        self._run: Any = run

    @overload
    def __get__(self, client: Client, kind: Any = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, kind: Any = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, kind: Any = None) -> Any: ...
    def __get__(self, client: Any, kind: Any = None) -> Any:
        return self._run.__get__(client, kind)


def _get(path: str, answer: type[T], *, also: tuple[int, ...] = (), **params: Any) -> Call[T]:
    given = {name: value for name, value in params.items() if value is not None}
    return Call("GET", path, answer, {"params": given}, also=also)


def _post(path: str, answer: type[T], **asked: Any) -> Call[T]:
    return Call("POST", path, answer, _json(asked))


def _json(asked: Json) -> Json:
    """Words a body in ASCII, so that a text that is no Unicode is the service's to refuse."""
    return {"content": json.dumps(asked).encode(), "headers": {"Content-Type": "application/json"}}


def _post_things(path: str, answer: type[T], part: str, things: Sequence[Any], word: Callable[[list[Json]], Json]) -> Call[T]:
    """Words a request in JSON, or in a form if things have pictures: one part is the JSON, and the pictures are parts it names."""
    named: list[Json] = [dict(thing) for thing in things]
    files = {}
    for i, thing in enumerate(named):
        if thing.get("image") is not None:
            thing["image"], files[f"image{i}"] = f"image{i}", (f"image{i}", thing["image"])
    asked = word(named)
    form = {"data": {part: json.dumps(asked.get(part, asked))}, "files": files}
    return Call("POST", path, answer, form if files else _json(asked))


def _once(call: Call[T], key: str | None) -> Call[T]:
    """Gives a write a key, by which the service tells one that is sent again."""
    headers = {**call.request.get("headers", {}), "Idempotency-Key": key or uuid.uuid4().hex}
    return replace(call, request={**call.request, "headers": headers})


def _at(item_id: str) -> str:
    name = quote(item_id, safe="", errors="surrogatepass")
    return "/index/" + (f"%{ord(name[0]):02X}{name[1:]}" if name.isalpha() else name)  # a word may be the name of a route


class _Operations:
    """All operations of the service."""

    @_Operation
    def search_text(self, query: str, **bounds: Unpack[Bounds]) -> Call[SearchOut]:
        """Finds items by words: images by default, or texts."""
        return _post("/search/text", SearchOut, query=query, **bounds)

    @_Operation
    def search_image(self, image: bytes, **bounds: Unpack[Bounds]) -> Call[SearchOut]:
        """Finds items by a picture: texts by default, or images."""
        fields = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in bounds.items() if value is not None
        }
        return Call("POST", "/search/image", SearchOut, {"data": fields, "files": {"image": ("image", image)}})

    @_Operation
    def search_url(self, image_url: str, **bounds: Unpack[Bounds]) -> Call[SearchOut]:
        """Finds items by the address of a picture, which the service fetches."""
        return _post("/search/url", SearchOut, image_url=image_url, **bounds)

    @_Operation
    def search_id(self, item_id: str, *, by: Modality | None = None, **bounds: Unpack[Bounds]) -> Call[SearchOut]:
        """Finds items like one that is indexed: by default those of the same modality."""
        return _post("/search/id", SearchOut, id=item_id, by=by, **bounds)

    @_Operation
    def search_code(
        self, code: str, *, modality: Modality | None = None, bundle_id: str | None = None, **bounds: Unpack[Bounds]
    ) -> Call[SearchOut]:
        """Finds items by a packed code in hex or base64: images by default, or texts."""
        return _post("/search/code", SearchOut, code=code, modality=modality, bundle_id=bundle_id, **bounds)

    @_Operation
    def search_mix(
        self, parts: Sequence[MixPart], *, modality: Modality | None = None, **bounds: Unpack[Bounds]
    ) -> Call[SearchOut]:
        """Finds items by a weighted mix of texts, pictures, items and codes."""
        more: Json = {"modality": modality, **bounds}
        return _post_things("/search/mix", SearchOut, "query", parts, lambda named: {"parts": named, **more})

    @_Operation
    def search_many(self, queries: Sequence[Query]) -> Call[ManyOut]:
        """Answers many searches in one call; a bad one fails alone."""
        return _post("/search/many", ManyOut, queries=list(queries))

    @_Operation
    def encode(self, inputs: Sequence[Thing], *, relaxed: bool = True) -> Call[EncodeOut]:
        """Returns codes of texts and pictures; nothing is indexed."""
        return _post_things("/encode", EncodeOut, "query", inputs, lambda named: {"inputs": named, "relaxed": relaxed})

    @_Operation
    def compare(self, a: Thing, b: Thing) -> Call[CompareOut]:
        """Returns in how many bits two things differ."""
        return _post_things("/compare", CompareOut, "query", [a, b], lambda named: {"a": named[0], "b": named[1]})

    @_Operation
    def index(self, items: Sequence[NewItem], *, idempotency_key: str | None = None) -> Call[IndexOut]:
        """Adds items, or replaces those whose id is taken; a bad one fails alone. For many see ``ingest``."""
        return _once(_post_things("/index", IndexOut, "items", items, lambda named: {"items": named}), idempotency_key)

    @_Operation
    def item(self, item_id: str) -> Call[ItemOut]:
        """Returns an item with its codes."""
        return _get(_at(item_id), ItemOut)

    @_Operation
    def image(self, item_id: str, *, v: str | None = None) -> Call[bytes]:
        """Returns an item's picture as it was sent; if ``v`` is its sha256, caches may keep it for ever."""
        return _get(f"{_at(item_id)}/image", bytes, v=v)

    @_Operation
    def delete(self, item_id: str, *, idempotency_key: str | None = None) -> Call[None]:
        """Deletes an item."""
        return _once(Call("DELETE", _at(item_id), type(None)), idempotency_key)

    @_Operation
    def list_items(self, *, limit: int = 100, cursor: str | None = None) -> Call[PageOut]:
        """Lists items in the order of their writing, a page at a time; ``pages`` leads through all."""
        return _get("/index", PageOut, limit=limit, cursor=cursor)

    @_Operation
    def list_matching(self, *, filter: Filter | None = None, limit: int = 100, cursor: str | None = None) -> Call[PageOut]:
        """Lists the items whose payload matches, likewise."""
        return _post("/index/list", PageOut, filter=filter, limit=limit, cursor=cursor)

    @_Operation
    def lookup(self, ids: Sequence[str]) -> Call[LookupOut]:
        """Returns items by id, in order; None for one that is not there."""
        return _post("/index/lookup", LookupOut, ids=list(ids))

    @_Operation
    def count_items(self) -> Call[CountOut]:
        """Counts all items."""
        return _get("/index/count", CountOut)

    @_Operation
    def count_matching(self, *, filter: Filter | None = None) -> Call[CountOut]:
        """Counts the items whose payload matches."""
        return _post("/index/count", CountOut, filter=filter)

    @_Operation
    def duplicates(self, *, modality: Modality = "image", limit: int = 100, cursor: str | None = None) -> Call[DuplicatesOut]:
        """Lists groups of items that have the same picture or the same text."""
        return _get("/index/duplicates", DuplicatesOut, modality=modality, limit=limit, cursor=cursor)

    @_Operation
    def delete_many(
        self, *, ids: Sequence[str] | None = None, filter: Filter | None = None, idempotency_key: str | None = None
    ) -> Call[DeleteOut]:
        """Deletes items by id in one transaction, or those whose payload matches a filter."""
        return _once(_post("/index/delete", DeleteOut, ids=None if ids is None else list(ids), filter=filter), idempotency_key)

    @_Operation
    def start_job(self, manifest: str, *, idempotency_key: str | None = None) -> Call[JobOut]:
        """Indexes the items of a manifest in the server's folder, in the background."""
        return _once(_post("/index/jobs", JobOut, manifest=manifest), idempotency_key)

    @_Operation
    def start_archive_job(self, archive: Path | bytes, *, idempotency_key: str | None = None) -> Call[JobOut]:
        """Indexes the items of a ZIP or TAR, packed or not, with a ``manifest.jsonl``, in the background."""
        media_type = "application/zip" if next(_blocks(archive), b"").startswith(b"PK") else "application/x-tar"
        call = Call("POST", "/index/jobs", JobOut, {"headers": {"Content-Type": media_type}}, content=lambda: _blocks(archive))
        return _once(call, idempotency_key)

    @_Operation
    def list_jobs(self, *, limit: int = 100) -> Call[JobsOut]:
        """Lists jobs, the newest first."""
        return _get("/index/jobs", JobsOut, limit=limit)

    @_Operation
    def job(self, job_id: str) -> Call[JobOut]:
        """Tells how far a job is, and the first items that failed."""
        return _get(f"/index/jobs/{quote(job_id, safe='')}", JobOut)

    @_Operation
    def job_failures(self, job_id: str) -> Call[list[FailureOut]]:
        """Returns all items of a job that failed so far."""
        return _get(f"/index/jobs/{quote(job_id, safe='')}/failures", list[FailureOut])

    @_Operation
    def cancel_job(self, job_id: str) -> Call[JobOut]:
        """Ends a job; what it has written stays."""
        return Call("POST", f"/index/jobs/{quote(job_id, safe='')}/cancel", JobOut, repeatable=False)

    @_Operation
    def judge(self, judgements: Sequence[JudgementIn], *, idempotency_key: str | None = None) -> Call[FeedbackOut]:
        """Says of hits whether they are relevant; of a query, an item and a target the last word counts."""
        words = [{**one, "query": {name: one["query"].get(name) for name in JudgedQuery.__annotations__}} for one in judgements]
        return _once(_post("/feedback", FeedbackOut, judgements=words), idempotency_key)

    @_Operation
    def list_judgements(self, *, limit: int = 100, cursor: str | None = None) -> Call[JudgementsOut]:
        """Lists judgements, a page at a time."""
        return _get("/feedback", JudgementsOut, limit=limit, cursor=cursor)

    @_Operation
    def forget_judgements(
        self, *, item: str | None = None, code: str | None = None, all: bool | None = None, idempotency_key: str | None = None
    ) -> Call[ForgottenOut]:
        """Deletes the judgements of an item, those by a query's code, or all."""
        given = _get("/feedback", ForgottenOut, item=item, code=code, all=all)
        return _once(replace(given, method="DELETE"), idempotency_key)

    @_Operation
    def recalibrate(self) -> Call[RecalibrateOut]:
        """Measures by the judgements what distances mean, and serves that."""
        return Call("POST", "/recalibrate", RecalibrateOut)

    @_Operation
    def reset_calibration(self) -> Call[RecalibrateOut]:
        """Serves the bundle's own calibration again."""
        return Call("DELETE", "/recalibrate", RecalibrateOut)

    @_Operation
    def live(self) -> Call[Live]:
        """Asks whether the process answers."""
        return _get("/livez", Live)

    @_Operation
    def ready(self) -> Call[Ready]:
        """Asks whether requests can be served, and what is missing."""
        return _get("/readyz", Ready, also=(503,))

    @_Operation
    def stats(self) -> Call[StatsOut]:
        """Tells what the service holds and how busy it is."""
        return _get("/stats", StatsOut)

    @_Operation
    def code_stats(self) -> Call[CodeStatsOut]:
        """Tells how healthy the indexed codes are."""
        return _get("/stats/codes", CodeStatsOut)

    @_Operation
    def calibration_stats(self) -> Call[CalibrationStatsOut]:
        """Tells what distances mean: how probably a hit is relevant, by distance and direction."""
        return _get("/stats/calibration", CalibrationStatsOut)

    @_Operation
    def metrics(self) -> Call[str]:
        """Returns figures in Prometheus' text format."""
        return _get("/metrics", str)


def _blocks(archive: Path | bytes) -> Iterator[bytes]:
    if isinstance(archive, bytes):
        yield archive
        return
    with archive.open("rb") as file:
        yield from iter(lambda: file.read(256 * 1024), b"")


# --- many at once ---


@dataclass
class Ingested:
    """What has become of many items so far.

    Attributes:
        n_added: Items that were not there.
        n_replaced: Items whose id was taken.
        n_failed: Items that were refused.
        failures: The first thousand of those.
    """

    n_added: int = 0
    n_replaced: int = 0
    n_failed: int = 0
    failures: list[ItemResult] = field(default_factory=list)


Progress: TypeAlias = Callable[[Ingested, list[ItemResult]], None]
"""Called with all that was done so far, and with the results of one more request."""


class _Batches:
    """What both clients know of many items under way: where batches end, and what has become of them."""

    def __init__(self, n_items: int, n_bytes: int, progress: Progress | None) -> None:
        self.done = Ingested()
        self._n_items, self._n_bytes, self._progress = n_items, n_bytes, progress
        self.batch: list[NewItem] = []
        self._held = 0

    def add(self, item: NewItem) -> list[NewItem]:
        """Takes an item; returns the batch before it if that had no room for it."""
        n_bytes, full = len(item.get("image") or b""), list[NewItem]()
        if self.batch and (len(self.batch) == self._n_items or self._held + n_bytes > self._n_bytes):
            full, self.batch, self._held = self.batch, [], 0
        self.batch.append(item)
        self._held += n_bytes
        return full

    def answered(self, results: list[ItemResult]) -> None:
        """Counts the results of a batch."""
        failed = [result for result in results if result["status"] == "failed"]
        self.done.n_added += sum(result["status"] == "added" for result in results)
        self.done.n_replaced += sum(result["status"] == "replaced" for result in results)
        self.done.n_failed += len(failed)
        self.done.failures += failed[: max(0, 1000 - len(self.done.failures))]
        if self._progress is not None:
            self._progress(self.done, results)


def _halves(batch: list[NewItem], problem: Problem) -> tuple[list[NewItem], list[NewItem]] | None:
    """Cuts a batch that was refused as a whole, as one of its items may be why; of a single item nothing is left to be cut."""
    if problem.status not in (400, 413, 422):
        raise problem
    return (batch[: len(batch) // 2], batch[len(batch) // 2 :]) if len(batch) > 1 else None


def _failed(item: NewItem, problem: Problem) -> list[ItemResult]:
    error: ItemError = {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    return [{"id": item["id"], "status": "failed", "error": error}]


def _options(url: str, api_key: str | None, timeout_s: float) -> Json:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {"base_url": url, "headers": headers, "timeout": httpx.Timeout(timeout_s, connect=min(timeout_s, 10))}


class Client(_Operations):
    """Talks to a service; safe in many threads.

    Args:
        url: The service's address.
        api_key: A key, where the service wants one.
        timeout_s: Seconds for which one try waits for the next bytes.
        retries: When requests are sent again.
        transport: What carries requests; by default the network.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        url: str = "http://localhost:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 60,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self._http = httpx.Client(transport=transport, **_options(url, api_key, timeout_s))
        self._retries, self._sleep = retries or Retries(), sleep

    def run(self, call: Call[T]) -> T:
        """Makes a call, again while that helps; every operation ends here."""
        for n_tried in itertools.count(1):
            streamed: Json = {} if call.content is None else {"content": call.content()}
            try:
                outcome: Any = self._http.request(call.method, call.path, **streamed, **call.request)
            except httpx.TransportError as error:
                outcome = error
            wait_s = self._retries.wait_s(call, n_tried, outcome)
            if wait_s is None:
                break
            self._sleep(wait_s)
        return call.read(outcome)

    def pages(self, ask: Callable[P, Page], *args: P.args, **kwargs: P.kwargs) -> Iterator[Page]:
        """Yields all answers of an operation that has a cursor: ``client.pages(client.search_text, "a dog", k=100)``."""
        more: Json = {}
        while more.get("cursor", "") is not None:
            page = ask(*args, **{**kwargs, **more})
            yield page
            more = {"cursor": page["next_cursor"]}

    def all_items(self, *, filter: Filter | None = None) -> Iterator[ItemOut]:
        """Yields all items in the order of their writing, or those whose payload matches."""
        for page in self.pages(self.list_matching, filter=filter, limit=1000):
            yield from page["items"]

    def ingest(
        self,
        items: Iterable[NewItem],
        *,
        n_parallel: int = 4,
        batch_items: int = 64,
        batch_bytes: int = 8 * 1024 * 1024,
        progress: Progress | None = None,
    ) -> Ingested:
        """Indexes any number of items, several requests at once; no more are taken from the iterable than can be sent.

        Args:
            items: Items; of two with the same id either may win.
            n_parallel: Requests under way.
            batch_items: Most items of a request.
            batch_bytes: Most bytes of its pictures, unless a single one is larger.
            progress: Called in this thread after each request.

        Returns:
            What became of them.

        Raises:
            BitlensError: If a request as a whole fails; what was answered before is indexed.
        """
        batches, under_way = _Batches(batch_items, batch_bytes, progress), set[Future[list[ItemResult]]]()
        with ThreadPoolExecutor(n_parallel) as pool:

            def settle(n_left: int) -> None:
                while len(under_way) > n_left:
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        under_way.remove(future)
                        batches.answered(future.result())

            for item in items:
                if full := batches.add(item):
                    settle(n_parallel - 1)
                    under_way.add(pool.submit(self._index, full))
            if batches.batch:
                under_way.add(pool.submit(self._index, batches.batch))
            settle(0)
        return batches.done

    def _index(self, batch: list[NewItem]) -> list[ItemResult]:
        try:
            return self.index(batch)["results"]
        except Problem as problem:
            halves = _halves(batch, problem)
            return _failed(batch[0], problem) if halves is None else self._index(halves[0]) + self._index(halves[1])

    def wait_for_job(self, job_id: str, *, every_s: float = 1.0, progress: Callable[[JobOut], None] | None = None) -> JobOut:
        """Returns a job when it is over."""
        while (job := self.job(job_id))["ended_at_s"] is None:
            if progress is not None:
                progress(job)
            self._sleep(every_s)
        return job

    def close(self) -> None:
        """Gives back connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(_Operations):
    """The same for asyncio: the arguments and the methods of :class:`Client`, to be awaited."""

    def __init__(
        self,
        url: str = "http://localhost:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 60,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, Any]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **_options(url, api_key, timeout_s))
        self._retries, self._sleep = retries or Retries(), sleep

    async def run(self, call: Call[T]) -> T:
        """Makes a call, again while that helps; every operation ends here."""
        for n_tried in itertools.count(1):
            streamed: Json = {} if call.content is None else {"content": _in_threads(call.content())}
            try:
                outcome: Any = await self._http.request(call.method, call.path, **streamed, **call.request)
            except httpx.TransportError as error:
                outcome = error
            wait_s = self._retries.wait_s(call, n_tried, outcome)
            if wait_s is None:
                break
            await self._sleep(wait_s)
        return call.read(outcome)

    async def pages(self, ask: Callable[P, Coroutine[Any, Any, Page]], *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Page]:
        """Yields all answers of an operation that has a cursor: ``client.pages(client.search_text, "a dog", k=100)``."""
        more: Json = {}
        while more.get("cursor", "") is not None:
            page = await ask(*args, **{**kwargs, **more})
            yield page
            more = {"cursor": page["next_cursor"]}

    async def all_items(self, *, filter: Filter | None = None) -> AsyncIterator[ItemOut]:
        """Yields all items in the order of their writing, or those whose payload matches."""
        async for page in self.pages(self.list_matching, filter=filter, limit=1000):
            for item in page["items"]:
                yield item

    async def ingest(
        self,
        items: Iterable[NewItem] | AsyncIterable[NewItem],
        *,
        n_parallel: int = 4,
        batch_items: int = 64,
        batch_bytes: int = 8 * 1024 * 1024,
        progress: Progress | None = None,
    ) -> Ingested:
        """Indexes any number of items, several requests at once; see :meth:`Client.ingest`."""
        batches, under_way = _Batches(batch_items, batch_bytes, progress), set[asyncio.Task[list[ItemResult]]]()

        async def settle(n_left: int) -> None:
            while len(under_way) > n_left:
                for task in (await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED))[0]:
                    under_way.remove(task)
                    batches.answered(task.result())

        try:
            async for item in _each(items):
                if full := batches.add(item):
                    await settle(n_parallel - 1)
                    under_way.add(asyncio.create_task(self._index(full)))
            if batches.batch:
                under_way.add(asyncio.create_task(self._index(batches.batch)))
            await settle(0)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        return batches.done

    async def _index(self, batch: list[NewItem]) -> list[ItemResult]:
        try:
            return (await self.index(batch))["results"]
        except Problem as problem:
            halves = _halves(batch, problem)
            return _failed(batch[0], problem) if halves is None else await self._index(halves[0]) + await self._index(halves[1])

    async def wait_for_job(self, job_id: str, *, every_s: float = 1.0, progress: Callable[[JobOut], None] | None = None) -> JobOut:
        """Returns a job when it is over."""
        while (job := await self.job(job_id))["ended_at_s"] is None:
            if progress is not None:
                progress(job)
            await self._sleep(every_s)
        return job

    async def aclose(self) -> None:
        """Gives back connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


async def _each(items: Iterable[NewItem] | AsyncIterable[NewItem]) -> AsyncIterator[NewItem]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def _in_threads(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(next, blocks, b""):
        yield block
