"""``python -m app recalibrate`` on a catalogue of the shipped bundle."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.__main__ import main
from app.catalog import open_existing
from app.catalog.base import NewItem
from app.catalog.sql import SqlCatalog
from app.data_dir import DataFolder
from app.judgements import NewJudgement
from model.bundle_folder import bundle_id_of, read_bundle
from model.calibration import Calibration
from model.calibration_file import read_calibration
from tests.builders import real_parts, running, settings_for

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "photos-64"
BUNDLE_ID = bundle_id_of(read_bundle(BUNDLE)[0])
OWN = read_calibration(BUNDLE, BUNDLE_ID, 64)


@pytest.fixture
def folder(tmp_path):
    """A catalogue in which a third of what lies 10 bits away was judged relevant: 25 queries of 10 hits each."""
    with closing(SqlCatalog(DataFolder(tmp_path).catalogue_url, bundle_id=BUNDLE_ID, n_bits=64)) as catalog:
        catalog.upsert_many([NewItem(str(number), "t", text_code=bytes(8)) for number in range(10)])
        for query in range(25):
            code = (0x3FF << query).to_bytes(8, "little")
            catalog.judge([NewJudgement(code, "image", str(n), "text", (n + query) % 3 == 0) for n in range(10)], 1, 1_000)
    return tmp_path


def ran(capsys, folder, *options, status=0):
    """Runs the command and returns what it prints."""
    assert main(["recalibrate", "--data-dir", str(folder), "--bundle", str(BUNDLE), *options]) == status
    out, err = capsys.readouterr()
    assert (err if status == 0 else out) == ""
    return out or err


def kept(folder):
    with closing(open_existing(DataFolder(folder).catalogue_url)) as catalog:
        return catalog.kept_calibration()


def execute(folder, statement, *values):
    with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection, connection:
        connection.execute(statement, values)


def test_a_calibration_is_kept_and_taken_back(capsys, folder):
    told = ran(capsys, folder)
    assert "image → text: 250 judgements of 25 queries, 84 relevant" in told
    assert "text → image: no judgements, stays as it was" in told
    found = Calibration.from_json(kept(folder).content)
    assert found.curves["text", "image"] == OWN.curves["text", "image"]
    assert abs(found.curves["image", "text"].value[10] - 1 / 3) < 0.07 < OWN.curves["image", "text"].value[10] - 0.4
    assert "holds again" in ran(capsys, folder, "--reset")
    assert kept(folder) is None


def test_a_direction_with_too_few_judgements_is_told_what_it_lacks(capsys, folder):
    execute(folder, "UPDATE judgements SET modality = 'text' WHERE number <= 20")
    told = ran(capsys, folder)
    assert "text → text: 20 judgements of 2 queries" in told
    assert "  stays as it was, lacks 180 more judgements (20 of 200), 18 more queries (2 of 20)" in told


def test_a_dry_run_keeps_nothing(capsys, folder):
    assert "nothing is kept" in ran(capsys, folder, "--dry-run")
    told = json.loads(ran(capsys, folder, "--dry-run", "--json"))
    assert (told["kept"], told["directions"]["image-text"]["n"], kept(folder)) == (False, 250, None)
    assert len(told["directions"]["image-text"]["curve"]["value"]) == 65


def test_a_service_that_runs_uses_it(capsys, folder):
    parts = replace(real_parts(folder, bundle_id=BUNDLE_ID), calibration=OWN)
    with running(parts, settings_for(folder)) as client:
        look = client.app.state.services.recalibration.look
        for options, source in (((), "judgements"), (("--reset",), "bundle")):
            ran(capsys, folder, *options)
            assert client.portal.call(look) is True
            assert client.get("/readyz").json()["calibration"]["source"] == source


def test_too_few_judgements_are_told_in_one_line(capsys, folder):
    execute(folder, "DELETE FROM judgements WHERE number > 7")
    told = ran(capsys, folder, status=1)
    assert told.count("\n") == 1
    assert "image → text lacks 193 more judgements (7 of 200), 19 more queries (1 of 20)" in told
    execute(folder, "DELETE FROM judgements")
    assert "a direction lacks 200 more judgements" in ran(capsys, folder, status=1)


def test_another_bundle_and_a_folder_without_a_catalogue_are_told(capsys, folder, tmp_path):
    assert "there is no catalogue" in ran(capsys, tmp_path / "none", status=1)
    execute(folder, "UPDATE meta SET bundle_id = 'another'")
    assert "bundle another: name its folder" in ran(capsys, folder, status=1)


def test_the_bundle_of_a_reindex_is_found(capsys, folder, tmp_path):
    execute(folder, "INSERT INTO bundles VALUES (?, ?)", BUNDLE_ID, str(BUNDLE))
    assert main(["recalibrate", "--data-dir", str(folder), "--bundle", str(tmp_path / "gone")]) == 0
    assert kept(folder) is not None


def test_distances_that_no_codes_have_are_told_and_the_doctor_finds_them(capsys, folder):
    execute(folder, "UPDATE judgements SET distance = 65 WHERE number = 3")
    assert "judgements are damaged" in ran(capsys, folder, status=1)
    assert main(["doctor", "--data-dir", str(folder)]) == 1
    assert "judgements cannot be read" in capsys.readouterr().out


def test_the_doctor_counts_judgements_and_takes_a_damaged_calibration_away(capsys, folder):
    ran(capsys, folder)
    assert main(["doctor", "--data-dir", str(folder)]) == 0
    assert "judgements   250" in capsys.readouterr().out
    execute(folder, "UPDATE calibrations SET content = x'7b'")
    assert main(["doctor", "--data-dir", str(folder)]) == 1
    assert main(["doctor", "--data-dir", str(folder), "--repair"]) == 0
    assert "the calibration made of judgements cannot be used" in capsys.readouterr().out
    assert kept(folder) is None


def test_a_backup_brings_judgements_and_calibration_back(capsys, folder, tmp_path):
    ran(capsys, folder)
    assert main(["backup", str(tmp_path / "b.tar"), "--data-dir", str(folder)]) == 0
    assert main(["restore", str(tmp_path / "b.tar"), "--data-dir", str(tmp_path / "other")]) == 0
    assert kept(tmp_path / "other") == kept(folder)
    with closing(open_existing(DataFolder(tmp_path / "other").catalogue_url)) as catalog:
        assert catalog.tallies()["image", "text"] == (250, 84)
