"""A container that cannot do its work does not start, and says why in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.catalog.sql import SqlCatalog
from app.data_dir import CATALOGUE, sqlite_url
from tests.e2e.processes import REPOSITORY
from tests.e2e.stack.composed import Stack, docker

pytestmark = pytest.mark.e2e
GUARDED = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp", "--memory", "1g")  # noqa: S108
OPEN = ("-e", "BITLENS_ALLOW_OPEN=true")
BUNDLE = REPOSITORY / "bundles" / "photos-64"


@pytest.fixture
def refused(stack: Stack):
    """Runs a container of the stack's image that must not start; returns its exit status and the last line of what it says."""
    image = stack.inspect()["Image"]

    def run(*options: str) -> tuple[int, str]:
        ended = docker("run", *GUARDED, *options, image, check=False)
        assert "Traceback" not in ended.stderr
        assert ended.stdout == ""
        return ended.returncode, ended.stderr.splitlines()[-1]

    return run


def writable(folder: Path) -> Path:
    """Lets the container's user write a folder that is mounted, and what is in it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    return folder


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("BITLENS_MAX_K=many", "bitlens: BITLENS_MAX_K: Input should be a valid integer"),
        ("PORT=99999", "bitlens: PORT: Input should be less than or equal to 65535"),
        ("BITLENS_MAXK=10", "bitlens: BITLENS_MAXK: there is no such setting; is BITLENS_MAX_K meant?"),
        ("REDIS_URL=localhost:6379", "bitlens: REDIS_URL: must start with redis://"),
        ("BITLENS_KEYS_FILE=/run/secrets/keys", "bitlens: BITLENS_KEYS_FILE: "),
        ("BITLENS_RATE_LIMIT=often", "bitlens: BITLENS_RATE_LIMIT: "),
    ],
)
def test_a_bad_setting(refused, setting, told):
    status, line = refused(*OPEN, "-e", setting)
    assert (status, line[: len(told)]) == (2, told)


def test_no_keys_on_an_address_that_others_reach(refused):
    status, line = refused()
    assert status != 0
    assert "BITLENS_ALLOW_OPEN" in line


def test_a_volume_that_cannot_be_written(refused, tmp_path):
    told = "bitlens: the data folder /data cannot be written: "
    assert refused(*OPEN, "--tmpfs", "/data:mode=0555") == (1, told + "Permission denied")
    assert refused(*OPEN, "-v", f"{writable(tmp_path)}:/data:ro") == (1, told + "Read-only file system")


def test_a_volume_with_files_of_somebody_else(refused, stack, tmp_path):
    catalogue(tmp_path, stack.readiness()["bundle_id"])
    (writable(tmp_path) / CATALOGUE).chmod(0o644)
    told = "bitlens: the data folder /data cannot be written: /data/catalogue.sqlite3 is user 0's, this is user 10001"
    assert refused(*OPEN, "-v", f"{tmp_path}:/data") == (1, told)


def test_codes_of_another_bundle(refused, tmp_path):
    catalogue(tmp_path, "0123456789abcdef")
    status, line = refused(*OPEN, "-v", f"{writable(tmp_path)}:/data")
    assert (status, "holds codes of bundle 0123456789abcdef" in line) == (1, True)


def test_a_bundle_that_is_not_there_or_damaged(refused, tmp_path):
    assert refused(*OPEN, "-e", "BITLENS_BUNDLE=/nowhere")[1].startswith("bitlens: there is no bundle at /nowhere")
    damaged = tmp_path / "damaged"
    shutil.copytree(BUNDLE, damaged)
    (damaged / "text.onnx").write_bytes((BUNDLE / "text.onnx").read_bytes()[:-100])
    status, line = refused(*OPEN, "-v", f"{writable(damaged)}:/srv/bundles/photos-64:ro")
    assert (status, "text.onnx" in line) == (1, True)


def catalogue(folder: Path, bundle_id: str) -> None:
    """Makes what another service would have left."""
    SqlCatalog(sqlite_url(folder / CATALOGUE), bundle_id=bundle_id, n_bits=64).close()
