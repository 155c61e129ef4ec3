"""``python -m app doctor`` over a folder that a service has left, and that a test has spoilt."""

import json
import sqlite3
from contextlib import closing

import pytest

from app.__main__ import main
from app.data_dir import DataDir
from app.snapshots import Snapshot, SnapshotFile
from tests.builders import index, picture, real_parts, running, settings_for

ORPHAN = "ab" * 32


@pytest.fixture
def folder(tmp_path):
    """What a service with three items has left; two of them have pictures."""
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        items = [{"id": "cat", "text": "red cat", "image": "f0"}, {"id": "dog", "image": "f1"}, {"id": "bird", "text": "a bird"}]
        index(client, *items, pictures={"f0": picture("red cat"), "f1": picture("blue dog")})
    return tmp_path


def doctor(capsys, folder, *options, status=0):
    """Runs the command and returns its report."""
    assert main(["doctor", "--data-dir", str(folder), "--json", *options]) == status
    return json.loads(capsys.readouterr().out)


def found(report):
    return {finding["what"]: (finding["n"], finding["repaired"]) for finding in report["findings"]}


def starts_well(folder):
    with running(real_parts(folder), settings_for(folder)) as client:
        return client.get("/readyz").json()["checks"]["index"] == "ok"


def execute(folder, *statements):
    with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_all_is_well_after_a_stop(capsys, folder):
    report = doctor(capsys, folder, "--pictures")
    assert report["is_well"]
    assert report["findings"] == []
    counts = {name: report["facts"][name] for name in ("items", "image codes", "text codes", "pictures", "revision", "bits")}
    assert counts == {"items": 3, "image codes": 2, "text codes": 2, "pictures": 2, "revision": 1, "bits": 64}


def test_the_report_can_be_read(capsys, folder):
    (folder / "index.snapshot").write_bytes(b"damaged")
    assert main(["doctor", "--data-dir", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "items        3" in lines
    assert any(line.startswith("WRONG") and "snapshot cannot be used" in line for line in lines)
    assert lines[-1] == "not all is well"


def test_a_missing_snapshot_is_no_harm(capsys, folder):
    (folder / "index.snapshot").unlink()
    assert doctor(capsys, folder)["facts"]["snapshot"] == "none"


def test_what_nothing_refers_to_is_found_and_deleted(capsys, folder):
    strays = [folder / "media" / "ab" / ORPHAN, folder / "media" / "ab" / "x.tmp", folder / "index.snapshot.x.tmp"]
    strays[0].parent.mkdir(exist_ok=True)
    for stray in strays:
        stray.write_bytes(b"left by a crash")
    (folder / "backup-x.tmp" / "media").mkdir(parents=True)
    expected = {"backups or restores that were broken off": 1} | {
        "half-written snapshots": 1,
        "pictures that no item refers to": 1,
        "half-written pictures": 1,
    }
    assert found(doctor(capsys, folder, status=1)) == {what: (n, False) for what, n in expected.items()}
    assert found(doctor(capsys, folder, "--repair")) == {what: (n, True) for what, n in expected.items()}
    assert [stray.exists() for stray in strays] == [False] * 3
    assert doctor(capsys, folder)["findings"] == []


def test_a_damaged_snapshot_is_written_anew(capsys, folder):
    good = (folder / "index.snapshot").read_bytes()
    (folder / "index.snapshot").write_bytes(good[:-1])
    assert found(doctor(capsys, folder, "--repair")) == {"the index's snapshot cannot be used": (1, True)}
    assert (folder / "index.snapshot").read_bytes() == good
    assert starts_well(folder)


def test_a_snapshot_with_an_old_wrong_code_is_found_and_written_anew(capsys, folder):
    with running(real_parts(folder), settings_for(folder, max_batch_items=400)) as client:
        index(client, *({"id": str(n), "text": f"word{n}"} for n in range(300)))
    file = SnapshotFile(folder / "index.snapshot")
    taken = file.read()
    rows, codes = taken.codes["text"]
    spoilt = codes.copy()
    spoilt[0] ^= 1  # too old to be among the newest ones, which every start compares
    fields = {name: getattr(taken, name) for name in ("bundle_id", "n_bits", "revision", "n_items")}
    file.write(Snapshot(**fields, codes={**taken.codes, "text": (rows, spoilt)}))
    what = "codes of the index's snapshot differ from the catalogue's"
    assert found(doctor(capsys, folder, status=1)) == {what: (1, False)}
    assert found(doctor(capsys, folder, "--repair")) == {what: (1, True)}
    assert (file.read().codes["text"][1] == codes).all()


def test_a_missing_picture_is_told_with_its_item_and_cannot_be_repaired(capsys, folder):
    [path] = [path for path in (folder / "media").glob("??/*") if path.read_bytes() == picture("blue dog")]
    path.unlink()
    report = doctor(capsys, folder, "--repair", status=1)
    assert found(report) == {"items whose picture is missing: send them again": (1, False)}
    assert report["findings"][0]["examples"] == [f"dog ({path.name})"]


def test_a_damaged_picture_is_told_if_pictures_are_read(capsys, folder):
    path = next((folder / "media").glob("??/*"))
    path.write_bytes(path.read_bytes()[:-1])
    assert doctor(capsys, folder)["is_well"]
    assert found(doctor(capsys, folder, "--pictures", status=1)) == {
        "pictures that are damaged: send their items again": (1, False)
    }


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE items SET text_code = NULL WHERE item_id = 'bird'", "items with a wrong text code: send them again"),
        ("UPDATE items SET image_code = x'00' WHERE item_id = 'dog'", "items with a wrong image code: send them again"),
        ("UPDATE items SET text = NULL, text_code = NULL WHERE item_id = 'bird'", "items without a text and an image: delete them"),
        ("UPDATE items SET payload = '{' WHERE item_id = 'dog'", "items cannot be read: restore a backup"),
    ],
)
def test_a_spoilt_item_is_told_and_nothing_is_lost_by_a_repair(capsys, folder, statement, what):
    execute(folder, statement)
    assert found(doctor(capsys, folder, "--repair", status=1))[what] == (1, False)
    assert len(list((folder / "media").glob("??/*"))) == 2


def test_a_damaged_database_is_told(capsys, folder):
    execute(folder, "INSERT INTO payload_leaves (row_id, path, kind, text) VALUES (99, x'61', 'null', x'')")
    report = doctor(capsys, folder, "--repair", status=1)
    assert found(report) == {"the database is damaged: restore a backup": (1, False)}
    assert "payload_leaves refers to nothing" in report["findings"][0]["examples"][0]


@pytest.mark.parametrize("spoil", ["nothing there", "no catalogue", "no database", "in use"])
def test_what_cannot_be_examined_is_told_in_one_line(capsys, tmp_path, spoil):
    folder = tmp_path / "data"
    held = None if spoil == "nothing there" else DataDir(folder)
    if held and spoil != "in use":
        held.close()
    if spoil == "no database":
        (folder / "catalogue.sqlite3").write_bytes(b"shopping list\n" * 100)
    assert main(["doctor", "--data-dir", str(folder)]) == 1
    out, err = capsys.readouterr()
    reasons = {
        "nothing there": "no data folder",
        "no catalogue": "no catalogue",
        "no database": "not a database",
        "in use": "in use",
    }
    assert (out, err.count("\n")) == ("", 1)
    assert reasons[spoil] in err
    if held and spoil == "in use":
        held.close()
