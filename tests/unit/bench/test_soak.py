import json
from collections.abc import Callable

import httpx
import pytest

from bench.soak import N_KILLS, N_OUTAGES, plan
from bench.soak_client import Client


class Up:
    """A service that is always there."""

    url = "http://testserver"

    def wait_until_up(self):
        pass


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("c0", Up(), 0, httpx.MockTransport(answer))


def item(item_id, version):
    words = f"{item_id} version{version} {item_id}v{version}"
    return {"id": item_id, "text": words, "payload": {"version": version}, "image": None, "codes": {"image": None, "text": "00"}}


@pytest.mark.parametrize("seed", range(20))
def test_the_plan_has_every_fault_and_no_kill_while_the_disk_is_full(seed):
    faults = plan(seed)
    assert faults == plan(seed)
    assert all(0 <= fault.at <= 1 for fault in faults)
    names = [fault.what for fault in faults]
    assert names.count("kill") + names.count("damage and kill") == N_KILLS
    assert names.count("redis away") == names.count("redis back") == N_OUTAGES
    during = names[names.index("disk full") + 1 : names.index("disk free")]
    assert not [name for name in during if "kill" in name]
    assert [name for name in names if "redis" in name] == ["redis away", "redis back"] * N_OUTAGES


def test_an_acknowledged_write_that_is_gone_is_told():
    client = client_of(lambda _: httpx.Response(200, json={"n_failed": 0}))
    client._write()
    assert client.present
    forgetful = client_of(lambda _: httpx.Response(404))
    forgetful.present = {"c0-1": 1}
    forgetful._compare("c0-1", forgetful._get("c0-1"))
    assert forgetful.wrong == ["c0-1 should be of version 1, and is None"]


def test_what_should_be_gone_and_is_there_is_told():
    client = client_of(lambda _: httpx.Response(200, json=item("c0-1", 4)))
    client._compare("c0-1", client._get("c0-1"))
    assert client.wrong == ["c0-1 should be of version None, and is 4"]


def test_an_item_that_is_not_found_and_an_old_version_that_is_are_told():
    hits = [{"id": "c0-2", "distance": 0, "payload": {"version": 1}}]
    client = client_of(lambda _: httpx.Response(200, json={"hits": hits}))
    client.present = {"c0-1": 3, "c0-2": 2}
    client._search_for("c0-1")
    assert client.wrong == ["c0-1 version 3 was not found", "c0-2 version 1 was found"]


@pytest.mark.parametrize(("held", "n_wrong", "n_done"), [([7, 7], 0, 1), ([None, None], 0, 0), ([7, None], 1, 0)])
def test_an_operation_without_an_answer_may_be_done_or_not_but_not_half(held, n_wrong, n_done):
    versions = dict(zip(["c0-1", "c0-2"], held, strict=True))

    def answer(request):
        if request.method == "POST":
            raise httpx.ReadError("killed")
        item_id = request.url.path.rpartition("/")[2]
        version = versions[item_id]
        return httpx.Response(404) if version is None else httpx.Response(200, json=item(item_id, version))

    client = client_of(answer)
    client._send("write", {"c0-1": 7, "c0-2": 7}, "POST", "/index", content=json.dumps({}))
    assert (len(client.wrong), client.counts["write: answer lost, done"]) == (n_wrong, n_done)
    assert client.present == {item_id: version for item_id, version in versions.items() if version is not None}


def test_a_refusal_changes_nothing_and_an_unknown_status_is_told():
    statuses = iter([503, 500])
    client = client_of(lambda _: httpx.Response(next(statuses)))
    client._delete()
    assert client.wrong == []
    client._delete()
    assert client.wrong[0].startswith("POST /index/delete was answered 500")
    assert client.present == {}
