import json
import os
import signal
import sys
import threading

import httpx
import pytest

from app import ingest_run
from app.__main__ import main
from app.asking import check_service, service_at
from app.client import Client, Retries
from app.ingest_run import Asked, run
from model.errors import ConfigError, HashingError
from tests.builders import picture
from tests.client_world import Script, refusal
from tests.ingest_world import put

URL = "http://127.0.0.1:9"  # nothing listens on the port of "discard"


def said(*answers):
    """Returns what is told when a service answers so."""
    client = Client(URL, transport=Script(*answers), retries=Retries(n_tries=1))
    with pytest.raises(HashingError) as raised, service_at(URL, client) as service:
        service.count_items()
    return str(raised.value)


@pytest.mark.parametrize(
    ("answer", "next_step"),
    [
        (httpx.ConnectError("refused"), "bitlens serve"),
        (refusal(401, "unauthenticated"), "BITLENS_API_KEY"),
        (refusal(403, "forbidden"), "--role write"),
        (refusal(503, "catalogue-unavailable"), "says: 503"),
        (httpx.Response(200, text="<html>"), "is this address the service's?"),
    ],
)
def test_what_the_service_says_is_told_with_the_next_step(answer, next_step):
    assert next_step in said(answer)
    assert URL in said(answer)


def test_a_service_that_is_not_there_is_told_in_one_line(capsys, tmp_path):
    put(tmp_path, a_jpg=picture())
    assert main(["ingest", str(tmp_path), "--url", URL]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"no service answers at {URL}" in err
    with pytest.raises(HashingError, match="no service answers"):
        check_service(URL, None)


def test_sources_that_are_none_are_told_before_the_service_is_asked(capsys, tmp_path):
    assert main(["ingest", str(tmp_path / "none"), "https://host/x", "--url", URL]) == 2
    assert "there is no such file or folder; https://host/x:" in capsys.readouterr().err


def test_a_list_of_failures_that_cannot_be_written_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError, match="--failures"), ingest_run._failure_list(tmp_path):
        pass


def test_the_first_signal_asks_to_stop_and_handlers_are_put_back(capsys):
    stop, before = threading.Event(), signal.getsignal(signal.SIGINT)
    with ingest_run._stopped_by_signals(stop):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10)
    assert signal.getsignal(signal.SIGINT) is before
    assert "once more stops at once" in capsys.readouterr().err


def test_settings_of_the_asking_commands_are_no_mistakes_of_the_service(capsys, monkeypatch):
    monkeypatch.setenv("BITLENS_URL", URL)
    monkeypatch.setenv("BITLENS_API_KEY", "k")
    assert main(["settings", "--json"]) == 0
    assert "BITLENS_URL" not in json.loads(capsys.readouterr().out)


def test_a_bar_is_shown_only_where_someone_sees_it(monkeypatch):
    with ingest_run._bar([]) as on_change:
        assert on_change(None) is None
    assert not sys.stderr.isatty()


def test_arguments_are_passed_on(monkeypatch, tmp_path):
    passed = []
    monkeypatch.setattr(ingest_run, "run", lambda asked: passed.append(asked) or 0)
    words = ["a", "b", "--prefix", "p/", "--id-column", "nr", "--numbers", "x,y", "--batch", "7", "--parallel", "2", "--json"]
    assert main(["ingest", *words]) == 0
    asked = passed[0]
    assert (asked.sources, asked.prefix, asked.columns.item_id, asked.columns.numbers) == (["a", "b"], "p/", "nr", ("x", "y"))
    assert (asked.batch_items, asked.n_parallel, asked.as_json) == (7, 2, True)
    assert callable(run)
    assert Asked(["a"], URL).batch_items == 64


def test_a_folder_without_pictures_is_no_success(tmp_path, capsys, monkeypatch):
    put(tmp_path, notes_txt="no picture")
    monkeypatch.setattr(ingest_run, "check_service", lambda url, api_key: 0)
    assert run(Asked([str(tmp_path)], URL)) == 1
    assert f"nothing to index was found in {tmp_path}: pictures are .jpg, " in capsys.readouterr().err
