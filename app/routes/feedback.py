"""``POST``, ``GET`` and ``DELETE /feedback``.

Decides who may judge: whoever may search, for judging belongs to searching, and a key that may add and delete items is nothing for
a search page. What a reader can do with it is bounded: of a query, an item and a target one judgement is kept, and in all as many
as the settings say; rate limits count each call; judgements change nothing until an administrator recalibrates. Does not know how
they are kept or what is made of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.deps import IdempotencyDep, Services, ServicesDep
from app.errors import problem_of, problem_responses
from app.feedback_schemas import (
    FeedbackIn,
    FeedbackOut,
    ForgottenOut,
    JudgementIn,
    JudgementResult,
    JudgementsOut,
    kept_out,
)
from app.idempotency import Answer, Keep
from app.judgements import Judged, NewJudgement
from app.routes.answers import FAILING_ALONE
from app.routes.guarded import GuardedRoute, needs
from app.routes.item_answers import once
from app.schemas import ItemError, ItemId
from app.thing_schemas import CodeText, read_as
from app.things import read_code
from model.errors import (
    BundleMismatch,
    CatalogError,
    HashingError,
    IdempotencyKeyReused,
    InvalidRequest,
    Overloaded,
    RequestInProgress,
    UnknownItem,
)

router = APIRouter(prefix="/feedback", tags=["feedback"], route_class=GuardedRoute)

_Limit = Annotated[int, Query(ge=1, le=1_000, description="At most so many judgements.")]
_After = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next_cursor` of the page before.")]
_Item = Annotated[ItemId | None, Query(description="Judgements of this item.")]
_Code = Annotated[CodeText | None, Query(description="Judgements of queries with this code.")]
_All = Annotated[bool, Query(description="All judgements.")]
_WRITES = (InvalidRequest, IdempotencyKeyReused, RequestInProgress, CatalogError, Overloaded)


@router.post(
    "",
    response_model=FeedbackOut,
    responses=problem_responses(*_WRITES, BundleMismatch, statuses=[400, 413]),
    summary="Say of hits whether they are relevant",
)
@needs("read")
async def judge(feedback: FeedbackIn, services: ServicesDep, key: IdempotencyDep) -> Response:
    """Keeps judgements; of a query, an item and a target the last one counts. A bad one fails alone, one of another bundle all."""
    read = [_read(services, raw) for raw in feedback.judgements]
    said = [one for one in read if isinstance(one, NewJudgement)]

    def word(judged: Sequence[Judged]) -> Answer:
        return Answer(200, _told(read, judged).model_dump_json(exclude_unset=True))

    async def work(keep: Keep) -> Answer:
        judge, most = services.parts.catalog.judge, services.settings.max_judgements
        return word(await services.writer_pool.run(judge, said, int(time.time()), most, keep(word)))

    return await once(services, key, feedback.model_dump(), work)


@router.get("", responses=problem_responses(InvalidRequest, CatalogError, Overloaded), summary="List judgements")
@needs("admin")
async def list_judgements(services: ServicesDep, limit: _Limit = 100, cursor: _After = None) -> JudgementsOut:
    """Lists judgements of all bundles in the order in which they were made."""
    found = await services.read_pool.run(services.parts.catalog.judgements, int(cursor or 0), limit + 1)
    more = str(found[limit - 1].number) if found[limit:] else None
    return JudgementsOut(judgements=[kept_out(one) for one in found[:limit]], next_cursor=more)


@router.delete("", response_model=ForgottenOut, responses=problem_responses(*_WRITES), summary="Forget judgements")
@needs("write")
async def forget(
    services: ServicesDep,
    key: IdempotencyDep,
    item: _Item = None,
    code: _Code = None,
    everything: Annotated[_All, Query(alias="all")] = False,
) -> Response:
    """Deletes the judgements of an item, of a query or, if that is said, all, whichever bundle they are of."""
    if (item is not None) + (code is not None) + everything != 1:
        raise InvalidRequest("say which judgements: exactly one of item, code and all=true")
    packed = None if code is None else read_code(code, services.parts.n_bits)

    async def work(keep: Keep) -> Answer:
        return _forgotten(
            [await services.writer_pool.run(services.parts.catalog.forget_judgements, item, packed, keep(_forgotten))]
        )

    return await once(services, key, [item, code, everything], work)


def _read(services: Services, raw: Any) -> NewJudgement | tuple[str | None, HashingError]:
    """Reads a judgement; one that cannot be used is the item that it is of, and why."""
    item_id = None
    try:
        said = read_as(JudgementIn, raw)
        item_id, served = said.id, services.parts.bundle_id
        if said.query.bundle_id != served:
            raise BundleMismatch(f"a judgement is of bundle {said.query.bundle_id}, but {served} is served: search again")
        code = read_code(said.query.code, services.parts.n_bits)
    except BundleMismatch:
        raise
    except FAILING_ALONE as error:
        return item_id, error
    return NewJudgement(code, said.query.modality, said.id, said.target, said.relevant, said.note)


def _told(read: Sequence[NewJudgement | tuple[str | None, HashingError]], judged: Sequence[Judged]) -> FeedbackOut:
    fates = iter(judged)
    results = [_result(one, next(fates)) if isinstance(one, NewJudgement) else _failed(*one) for one in read]
    counts = {f"n_{status}": sum(one.status == status for one in results) for status in ("added", "replaced", "failed")}
    return FeedbackOut(results=results, **counts)


def _result(said: NewJudgement, judged: Judged) -> JudgementResult:
    if judged.fate == "unknown":
        return _failed(said.item_id, UnknownItem(f"there is no item {said.item_id!r}"))
    if judged.fate == "uncoded":
        return _failed(said.item_id, InvalidRequest(f"target: the item {said.item_id!r} has no {said.target}"))
    return JudgementResult(id=said.item_id, status=judged.fate, distance=judged.distance)


def _failed(item_id: str | None, error: HashingError) -> JudgementResult:
    return JudgementResult(id=item_id, status="failed", error=ItemError(**problem_of(error)))


def _forgotten(n_deleted: list[int]) -> Answer:
    return Answer(200, ForgottenOut(n_deleted=n_deleted[0]).model_dump_json())
