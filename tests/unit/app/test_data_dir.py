from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.data_dir import CATALOGUE, JOBS, MEDIA, DataDir
from model.errors import CatalogError

NOBODY = 65534


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """As another user than the one whom the files belong to, where there are privileges to give up."""
    for parent in list(folder.parents)[:3]:
        parent.chmod(0o755)
    os.seteuid(NOBODY if os.getuid() == 0 else os.getuid())
    try:
        yield
    finally:
        os.seteuid(os.getuid())


@pytest.mark.parametrize("name", [CATALOGUE, f"{CATALOGUE}-wal", MEDIA, JOBS])
def test_a_folder_with_something_that_cannot_be_written_is_refused_and_let_go(tmp_path, name):
    place = tmp_path / name
    place.mkdir() if name in {MEDIA, JOBS} else place.touch()
    place.chmod(0o555)
    tmp_path.chmod(0o777)
    with without_privileges(tmp_path), pytest.raises(CatalogError, match=f"{name} is user {place.stat().st_uid}'s, this is user"):
        DataDir(tmp_path)
    place.chmod(0o777)
    with without_privileges(tmp_path):
        DataDir(tmp_path).close()


def test_a_folder_that_only_its_lock_can_be_written_in_is_refused(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / "lock").chmod(0o666)
    tmp_path.chmod(0o555)
    with without_privileges(tmp_path), pytest.raises(CatalogError, match=f"cannot be written: {tmp_path} is user"):
        DataDir(tmp_path)
