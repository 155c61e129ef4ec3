"""The errors Bitlens raises on purpose, as one tree.

Decides the names and what each carries; does not know HTTP statuses (``app.errors``) or exit codes (the command lines).

    HashingError
    ├── CodeError                  a code array breaks its contract: our bug
    ├── BundleError                the served bundle
    │   ├── BundleNotFound         nothing there
    │   ├── BundleCorrupt          there, but damaged
    │   └── BundleIncompatible     intact, but not for this version, these weights or this catalogue
    ├── BackboneError              pretrained weights missing or not the pinned ones
    ├── InputError                 what a caller sent
    │   ├── UndecodableImage       not a readable picture
    │   ├── ImageTooLarge          too many bytes or pixels
    │   ├── UnsupportedMediaType   a format that is not accepted
    │   ├── EmptyText              no text left after normalisation
    │   ├── InvalidRequest         a request whose parts do not fit together
    │   ├── BadFilter              a filter that cannot be understood
    │   ├── ImageUrlRefused        an address that pictures are not fetched from
    │   ├── ImageNotFetched        an allowed address that gave no picture
    │   ├── IdempotencyKeyReused   the key of another request
    │   ├── RequestInProgress      the same request is being worked on
    │   ├── JobFailed              a bulk job as a whole
    │   └── JobEnded               a bulk job that is over
    ├── AccessError                who asks
    │   ├── Unauthenticated        no key, or an unknown one
    │   └── Forbidden              a key whose role may not do this
    ├── RateLimited                too many requests of one caller; carries ``retry_after_s``
    ├── CatalogError               the items
    │   ├── UnknownItem            no such item
    │   ├── UnknownJob             no such bulk job
    │   ├── BundleMismatch         codes of another bundle
    │   └── SnapshotUnusable       an index snapshot that must not be loaded
    ├── Overloaded                 too busy; carries ``retry_after_s``
    │   └── DeadlinePassed         work whose time was up, or whose caller had gone, before it began
    ├── ConfigError                every mistake of a configuration at once
    ├── DatasetError               data that cannot be read or lacks something
    └── TrainingStopped            training that would come to nothing
"""

from __future__ import annotations

from collections.abc import Sequence


class HashingError(Exception):
    """Root of every error that Bitlens raises on purpose."""


class CodeError(HashingError):
    """A code array has a wrong shape, dtype or value."""


class BundleError(HashingError):
    """The encoder bundle cannot be served."""


class BundleNotFound(BundleError):
    """No bundle lies at the given place."""


class BundleCorrupt(BundleError):
    """A file of the bundle is unreadable or its digest differs from the manifest's."""


class BundleIncompatible(BundleError):
    """An intact bundle that this version, these backbones or this catalogue cannot use."""


class BackboneError(HashingError):
    """Pretrained weights are missing or are not the pinned ones."""


class InputError(HashingError):
    """What a caller sent cannot be used."""


class UndecodableImage(InputError):
    """The bytes are no readable picture."""


class ImageTooLarge(InputError):
    """The picture or the request has more bytes or pixels than allowed."""


class UnsupportedMediaType(InputError):
    """The media type or picture format is not accepted."""


class EmptyText(InputError):
    """No text is left after normalisation."""


class InvalidRequest(InputError):
    """The parts of a request do not fit together."""


class BadFilter(InputError):
    """A payload filter cannot be understood."""


class ImageUrlRefused(InputError):
    """An address that pictures are not fetched from: its scheme, host, port or what its name resolves to is not allowed."""


class ImageNotFetched(InputError):
    """An allowed address did not give a picture within the limits."""


class AccessError(HashingError):
    """The caller may not do this."""


class Unauthenticated(AccessError):
    """The request carries no key, or one that is not known (any more).

    Args:
        detail: What is missing, in plain words.
        had_key: Whether there was a key at all.
    """

    def __init__(self, detail: str, *, had_key: bool = False) -> None:
        super().__init__(detail)
        self.had_key = had_key


class Forbidden(AccessError):
    """The key is known, but its role may not do this."""


class RateLimited(HashingError):
    """One caller has sent too many requests.

    Args:
        detail: What is allowed, in plain words.
        retry_after_s: Seconds after which a new try makes sense.
    """

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class IdempotencyKeyReused(InputError):
    """The Idempotency-Key came with another request before."""


class RequestInProgress(InputError):
    """The request with this Idempotency-Key is still being worked on."""


class JobFailed(InputError):
    """A bulk job cannot go on: its manifest or archive is unreadable, damaged or has changed."""


class JobEnded(InputError):
    """A bulk job is over and cannot be cancelled any more."""


class CatalogError(HashingError):
    """The catalogue of items cannot do what was asked."""


class UnknownItem(CatalogError):
    """No item has the given id."""


class UnknownJob(CatalogError):
    """No bulk job has the given id."""


class BundleMismatch(CatalogError):
    """Codes of another bundle meet this catalogue or index."""


class SnapshotUnusable(CatalogError):
    """An index snapshot is missing, damaged or does not fit the catalogue: the index is rebuilt without it."""


class Overloaded(HashingError):
    """The service is too busy to take the request now.

    Args:
        detail: What is full, in plain words.
        retry_after_s: Seconds after which a new try makes sense.
    """

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DeadlinePassed(Overloaded):
    """The time for a request was up, or its caller had gone, before a step of its work began; that step was not done."""


class ConfigError(HashingError):
    """A configuration has mistakes; all of them are listed.

    Args:
        mistakes: One plain sentence a mistake, each naming its key.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class DatasetError(HashingError):
    """A data set cannot be read or lacks a file, column or split; the message names it."""


class TrainingStopped(HashingError):
    """Numbers are not finite or codes have collapsed; the message says where and what to try."""
