"""Bulk jobs over HTTP, on the real catalogue."""

import json

import pytest

from tests.builders import is_problem, picture, real_parts, running, search, settings_for
from tests.job_fixtures import finished, manifest, tarred, write, zipped

ITEMS = [{"id": "cat", "image": "pictures/cat.png", "text": "red cat"}, {"id": "bad", "image": "none.png"}, "nonsense"]
FILES = {"manifest.jsonl": manifest(*ITEMS), "pictures/cat.png": picture("red cat")}


def gzipped(files):
    return tarred(files, "w:gz")


def settings(folder, **more):
    return settings_for(folder / "data", bulk_folder=folder / "bulk", max_archive_bytes=20_000, **more)


@pytest.fixture
def client(tmp_path):
    write(tmp_path / "bulk" / "spring", FILES)
    with running(real_parts(tmp_path / "data"), settings(tmp_path)) as client:
        yield client


def upload(client, content, media_type="application/zip"):
    return client.post("/index/jobs", content=content, headers={"content-type": media_type})


def emptied(client, folder):
    """Waits until the worker, which tells of a job's end first, has deleted what was uploaded."""
    return any(client.get("/livez") and not list(folder.iterdir()) for _ in range(1_000))


def checked(client, answer):
    """Asserts that a job has done what the files ask for."""
    assert (answer.status_code, answer.headers["location"]) == (202, f"/index/jobs/{answer.json()['id']}")
    job = finished(client, answer.json()["id"])
    assert (job["state"], job["error"]) == ("done", None)
    assert [job[name] for name in ("n_asked", "n_added", "n_replaced", "n_failed", "n_left")] == [3, 1, 0, 2, 0]
    assert [(failure["line"], failure["id"]) for failure in job["failures"]] == [(2, "bad"), (3, None)]
    assert client.get("/index/cat/image").content == picture("red cat")
    assert search(client, "red cat")["hits"][0]["distance"] == 0
    return job


def test_a_manifest_in_the_servers_folder_is_indexed(client):
    job = checked(client, client.post("/index/jobs", json={"manifest": "spring/manifest.jsonl"}))
    assert client.get("/index/jobs").json() == {"jobs": [{**job, "failures": []}]}
    failures = client.get(f"/index/jobs/{job['id']}/failures")
    assert [json.loads(line) for line in failures.text.splitlines()] == job["failures"]
    assert failures.headers["content-type"] == "application/x-ndjson"
    assert "attachment" in failures.headers["content-disposition"]


@pytest.mark.parametrize(
    ("pack", "media_type"), [(zipped, "application/zip"), (tarred, "application/x-tar"), (gzipped, "application/gzip")]
)
@pytest.mark.parametrize("top", ["", "spring/"], ids=["at the top", "in a folder"])
def test_an_archive_is_indexed_and_leaves_nothing_but_its_items(client, tmp_path, pack, media_type, top):
    checked(client, upload(client, pack({top + name: content for name, content in FILES.items()}), media_type))
    assert emptied(client, tmp_path / "data" / "jobs")


def test_a_job_that_waits_when_the_service_stops_is_worked_on_after_a_restart(tmp_path):
    folder = tmp_path / "data"
    many = {"manifest.jsonl": manifest(*({"id": str(n), "text": f"w{n}"} for n in range(500)))}
    with running(real_parts(folder), settings(tmp_path)) as client:
        jobs = [upload(client, zipped(many)).json()["id"] for _ in range(2)]
    write(folder / "jobs" / "left-by-a-crash", {"archive": b""})
    with running(real_parts(folder), settings(tmp_path)) as client:
        first, second = [finished(client, job_id) for job_id in jobs]
        assert [first["n_added"] + first["n_replaced"], second["n_added"] + second["n_replaced"]] == [500, 500]
        assert (first["n_added"], client.get("/index/count").json()) == (500, {"n_items": 500})
        assert client.get("/readyz").json()["checks"]["index"] == "ok"
        assert emptied(client, folder / "jobs")


def kept(client, **what):
    headers = {"idempotency-key": "k", **what.pop("headers", {})}
    answer = client.post("/index/jobs", headers=headers, **what)
    return answer.status_code, answer.headers["location"], answer.headers.get("idempotency-replayed")


def test_an_archive_that_is_sent_again_with_its_key_is_one_job(client, tmp_path):
    zip_of_it = {"content": zipped(FILES), "headers": {"content-type": "application/zip"}}
    status, location, replayed = kept(client, **zip_of_it)
    assert (status, replayed, kept(client, **zip_of_it)) == (202, None, (202, location, "true"))
    finished(client, location.rpartition("/")[2])
    assert kept(client, **zip_of_it) == (202, location, "true")
    assert len(client.get("/index/jobs").json()["jobs"]) == 1
    assert emptied(client, tmp_path / "data" / "jobs")
    other = {**zip_of_it["headers"], "idempotency-key": "k"}
    is_problem(client.post("/index/jobs", content=zipped({"m": b""}), headers=other), 422, "idempotency-key-reused")
    assert emptied(client, tmp_path / "data" / "jobs")


def test_a_manifest_that_is_sent_again_with_its_key_is_one_job_also_when_it_is_gone(client, tmp_path):
    first = kept(client, json={"manifest": "spring/manifest.jsonl"})
    finished(client, first[1].rpartition("/")[2])
    (tmp_path / "bulk" / "spring" / "manifest.jsonl").unlink()
    assert kept(client, json={"manifest": "spring/manifest.jsonl"}) == (202, first[1], "true")
    assert len(client.get("/index/jobs").json()["jobs"]) == 1


def test_a_job_that_was_refused_is_no_answer_to_keep(client):
    key = {"idempotency-key": "k"}
    is_problem(client.post("/index/jobs", json={"manifest": "none.jsonl"}, headers=key), 422, "invalid-request")
    assert kept(client, json={"manifest": "spring/manifest.jsonl"})[2] is None


def test_a_job_is_cancelled_once(client, tmp_path):
    write(tmp_path / "bulk", {"long.jsonl": manifest(*({"id": str(n), "text": f"w{n}"} for n in range(5_000)))})
    job_id = client.post("/index/jobs", json={"manifest": "long.jsonl"}).json()["id"]
    assert client.post(f"/index/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    is_problem(client.post(f"/index/jobs/{job_id}/cancel"), 409, "job-ended")
    checked(client, client.post("/index/jobs", json={"manifest": "spring/manifest.jsonl"}))  # the worker is free again
    assert client.get(f"/index/jobs/{job_id}").json()["n_added"] < 5_000


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"other.txt": b"x"}, "0 files manifest.jsonl"),
        ({"a/manifest.jsonl": b"", "b/manifest.jsonl": b""}, "2 files manifest.jsonl"),
        ({"../manifest.jsonl": b""}, "name"),
        ({"manifest.jsonl": b"", "zeros": bytes(30_000)}, "more than 20000 bytes"),
    ],
)
def test_an_archive_of_no_use_fails_the_job_with_its_reason(client, tmp_path, files, reason):
    job = finished(client, upload(client, zipped(files)).json()["id"])
    assert (job["state"], job["n_asked"]) == ("failed", None)
    assert reason in job["error"]
    assert emptied(client, tmp_path / "data" / "jobs")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"manifest": "none.jsonl"}', "no file"),
        ('{"manifest": "../data/catalogue.sqlite3"}', "no file"),
        ('{"manifest": "spring"}', "no file"),
        ('{"manifest": "a\\u0000b"}', "cannot be read"),
        ('{"manifest": "\\ud800"}', "manifest"),
        ('{"manifest": ""}', "manifest"),
        ("{}", "manifest"),
        ("{", "JSON"),
        ("[]", "query"),
    ],
)
def test_a_manifest_that_may_not_be_read_is_refused(client, body, reason):
    answer = client.post("/index/jobs", content=body, headers={"content-type": "application/json"})
    assert is_problem(answer, 422, "invalid-request")
    assert reason in answer.json()["detail"]
    assert client.get("/index/jobs").json() == {"jobs": []}


def test_uploads_of_no_use_are_refused_and_leave_nothing(client, tmp_path):
    is_problem(upload(client, b"no archive"), 422, "invalid-request")
    is_problem(upload(client, b""), 422, "invalid-request")
    is_problem(upload(client, bytes(20_001)), 413, "request-too-large")
    is_problem(upload(client, iter([bytes(10_000)] * 3)), 413, "request-too-large")
    is_problem(upload(client, zipped(FILES), "application/x-7z-compressed"), 415, "unsupported-media-type")
    assert emptied(client, tmp_path / "data" / "jobs")


def test_json_may_not_be_as_large_as_an_archive(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        is_problem(client.post("/index/jobs", json={"manifest": "x" * 70_000}), 413, "request-too-large")


def test_a_server_without_a_folder_says_so(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        answer = client.post("/index/jobs", json={"manifest": "m.jsonl"})
        assert is_problem(answer, 422, "invalid-request")
        assert "BITLENS_BULK_FOLDER" in answer.json()["detail"]


def test_too_many_jobs_are_refused(tmp_path):
    write(tmp_path / "bulk", {"m.jsonl": manifest(*({"id": str(n), "text": f"w{n}"} for n in range(5_000)))})
    with running(real_parts(tmp_path / "data"), settings(tmp_path, max_jobs=1)) as client:
        assert client.post("/index/jobs", json={"manifest": "m.jsonl"}).status_code == 202
        for again in (client.post("/index/jobs", json={"manifest": "m.jsonl"}), upload(client, zipped(FILES))):
            assert is_problem(again, 503, "overloaded")
            assert again.headers["retry-after"] == "60"


def test_an_unknown_job_is_told(client):
    for method, path in (("GET", ""), ("GET", "/failures"), ("POST", "/cancel")):
        is_problem(client.request(method, f"/index/jobs/nobody{path}"), 404, "unknown-job")
    is_problem(client.get("/index/jobs?limit=0"), 422, "invalid-request")
    is_problem(client.get(f"/index/jobs/{'x' * 6_500}"), 404, "unknown-job")


def test_all_failures_of_many_come_in_the_file(client, tmp_path):
    write(tmp_path / "bulk", {"bad.jsonl": manifest(*(["nonsense"] * 1_200))})
    job = finished(client, client.post("/index/jobs", json={"manifest": "bad.jsonl"}).json()["id"])
    lines = client.get(f"/index/jobs/{job['id']}/failures").text.splitlines()
    assert ([json.loads(line)["line"] for line in lines], len(job["failures"])) == ([*range(1, 1_201)], 20)
