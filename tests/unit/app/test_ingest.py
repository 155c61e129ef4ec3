import io
import json
import re
import threading

import pytest
from rich.console import Console

from app.client import Unreachable
from app.ingest import Ingest
from app.ingest_bar import ingest_bar
from app.ingest_entries import Content, Unusable
from app.ingest_tally import Failure, Tally, Watch
from model.errors import InputError
from tests.builders import picture
from tests.ingest_world import FakeService, FakeSource, entry


def ran(service, *sources, watch=None, **more):
    tally = Tally()
    Ingest(service, watch or Watch(), tally, **more).run(sources)
    return tally


def counts(tally):
    return tally.n_added, tally.n_replaced, tally.n_present, tally.n_failed


def test_what_the_service_holds_is_not_sent_again():
    service, source = FakeService(), FakeSource(*[entry(f"i{n}", payload={"n": n}) for n in range(600)])
    assert counts(ran(service, source)) == (600, 0, 0, 0)
    del service.items["i7"], service.items["i599"]
    assert counts(ran(service, source)) == (2, 0, 598, 0)
    assert service.sent[600:] == ["i7", "i599"]
    assert service.lookups == [256, 256, 88] * 2


@pytest.mark.parametrize("changed", [entry("a", payload={"n": 2}), entry("a", "other", payload={"n": 1})])
def test_what_has_changed_is_sent_again(changed):
    service = FakeService()
    ran(service, FakeSource(entry("a", payload={"n": 1})))
    assert counts(ran(service, FakeSource(changed))) == (0, 1, 0, 0)


def test_what_is_far_is_opened_only_if_it_has_to_be():
    opened = []

    def far(item_id, text="x", sha256=None):
        content = Content(text, picture(), {})
        return entry(item_id, open=lambda: opened.append(item_id) or content, known=Content(text, None, {}), sha256=sha256)

    service = FakeService()
    ran(service, FakeSource(far("a"), far("b"), far("c"), entry("d")))
    opened.clear()
    service.items["d"].pop("image")
    tally = ran(service, FakeSource(far("a"), far("b", "new text"), far("c", sha256="of another picture"), far("d", "d")))
    assert (counts(tally), sorted(opened)) == ((0, 2, 2, 0), ["b", "c", "d"])


def test_failures_of_every_kind_are_told_and_stop_nobody_else():
    def fail():
        raise InputError("it cannot be read: Permission denied")

    told = []
    source = FakeSource(
        Unusable("f:1", "the line is no JSON"), entry("a"), entry("closed", open=fail), entry("bad", "bad"), entry("a"), entry("z")
    )
    tally = ran(FakeService(), source, watch=Watch(on_failure=told.append))
    assert counts(tally) == (2, 0, 0, 4)
    assert tally.reasons == {"the line is no JSON": 1, "it cannot be read": 1, "It is bad": 1, "the id came before": 1}
    assert {(one.place, one.type) for one in told} == {
        ("f:1", "source"), ("here/closed", "source"), ("here/bad", "/problems/bad"), ("here/a", "source")
    }  # fmt: skip


def test_a_prefix_stands_before_every_id():
    service = FakeService()
    ran(service, FakeSource(entry("a"), entry("x" * 250)), prefix="album/")
    assert "album/a" in service.items
    assert max(map(len, service.items)) == 256
    assert counts(ran(service, FakeSource(entry("a"), entry("x" * 250)), prefix="album/")) == (0, 0, 2, 0)


def test_a_stop_lets_no_more_begin_and_the_next_run_goes_on():
    stop, service = threading.Event(), FakeService()
    source = FakeSource(*[entry(f"i{n}") for n in range(100)])

    def on_change(tally):
        if tally.n_added == 10:
            stop.set()

    tally = ran(service, source, watch=Watch(stop, on_change))
    assert tally.is_interrupted
    assert 10 <= tally.n_added < 100
    assert counts(ran(service, source)) == (100 - tally.n_added, 0, tally.n_added, 0)


def test_what_was_counted_is_kept_when_the_service_goes_away():
    class Leaving(FakeService):
        def lookup(self, ids):
            if len(self.lookups) == 2:
                raise Unreachable("gone")
            return super().lookup(ids)

    tally = Tally()
    with pytest.raises(Unreachable):
        Ingest(Leaving(), Watch(), tally).run([FakeSource(*[entry(f"i{n}") for n in range(600)])])
    assert 490 <= tally.n_added <= 512


def test_few_entries_are_opened_ahead_of_what_is_sent():
    opened = threading.Semaphore(0)
    n_sent, most_ahead, n_opened = 0, 0, 0

    def reading(item_id):
        opened.release()
        return Content(item_id, None, {})

    class Slow(FakeService):
        def ingest(self, items, **more):
            nonlocal n_sent, most_ahead, n_opened
            for _ in items:
                while opened.acquire(blocking=False):
                    n_opened += 1
                n_sent += 1
                most_ahead = max(most_ahead, n_opened - n_sent)

    entries = [entry(f"i{n}", open=lambda n=n: reading(f"i{n}")) for n in range(200)]
    ran(Slow(), FakeSource(*entries), n_parallel=2)
    assert (n_sent, most_ahead <= 5) == (200, True)


def test_a_tally_is_lines_for_people_and_json_for_machines():
    tally = Tally(n_added=1200, n_present=7, is_interrupted=True)
    tally.left_out.update({".heic": 3})
    for n in range(30):
        tally.fail(Failure(f"i{n}", f"here/{n}", "source", "it cannot be read", "it cannot be read: gone"))
    text = tally.as_text(10)
    assert "1,237 items: 1,200 added, 0 replaced, 7 held already, 30 failed; 10.0 s, 124 items/s" in text
    assert ("left out: 3 × .heic" in text, "failed: 30 × it cannot be read" in text, text.count("here/")) == (True, True, 5)
    said = json.loads(json.dumps(tally.as_json(10)))
    assert (said["n_done"], said["items_per_s"], len(said["failures"]), said["left_out"]) == (1237, 123.7, 20, {".heic": 3})
    assert Tally().as_json(0)["items_per_s"] == 0


def test_a_bar_tells_count_rate_time_left_and_failures():
    terminal, now_s = io.StringIO(), iter(range(0, 10_000, 2))
    with ingest_bar(200, Console(file=terminal, force_terminal=True, width=120), lambda: next(now_s)) as show:
        for n in range(10, 110, 10):
            show(Tally(n_added=n - 5, n_failed=5))
    told = terminal.getvalue()
    assert ("100/200" in told, "5 failed" in told) == (True, True)
    assert re.search(r"\d items/s", told)
    assert re.search(r"0:00:[0-9]{2}", told)
