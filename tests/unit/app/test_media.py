"""Pictures on disk: what is stored is there, what is swept is gone, nothing leaves the folder."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media import MediaStore
from model.errors import CatalogError, UnknownItem

PICTURE = b"\x89PNG picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def store(folder: Path) -> MediaStore:
    return MediaStore(folder)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def age(path: Path) -> None:
    """Makes a file look like one of an earlier process."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_a_picture_is_stored_under_its_digest(store: MediaStore, folder: Path) -> None:
    assert store.put(PICTURE) == SHA256
    assert store.path(SHA256) == folder / SHA256[:2] / SHA256
    assert store.read(SHA256) == store.path(SHA256).read_bytes() == PICTURE


@given(pictures=st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_read_as_stored(tmp_path_factory: pytest.TempPathFactory, pictures: list[bytes]) -> None:
    store = MediaStore(tmp_path_factory.getbasetemp() / "any")
    assert [store.read(store.put(picture)) for picture in pictures] == pictures


def test_storing_twice_keeps_one_file(store: MediaStore, folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(store.put, [PICTURE] * 20)) == {SHA256}
    assert files(folder) == [f"{SHA256[:2]}/{SHA256}"]


def test_a_file_cut_short_is_stored_again(store: MediaStore) -> None:
    store.put(PICTURE)
    store.path(SHA256).write_bytes(b"")
    store.put(PICTURE)
    assert store.read(SHA256) == PICTURE


def test_a_deleted_picture_is_gone_and_deleting_again_is_fine(store: MediaStore) -> None:
    store.put(PICTURE)
    store.delete(SHA256)
    store.delete(SHA256)
    with pytest.raises(UnknownItem):
        store.read(SHA256)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "/" + "a" * 63, "ab/" + "a" * 61],
)
def test_nothing_but_a_digest_becomes_a_path(store: MediaStore, name: str) -> None:
    for use in (store.path, store.read, store.delete):
        with pytest.raises(CatalogError, match="not the sha256"):
            use(name)


def test_a_sweep_removes_orphans_of_an_earlier_process(store: MediaStore, folder: Path) -> None:
    kept, orphan = store.put(b"kept"), store.put(b"orphan")
    for sha256 in (kept, orphan):
        age(store.path(sha256))
    assert store.sweep({kept}.intersection) == 1
    assert files(folder) == [f"{kept[:2]}/{kept}"]


def test_a_sweep_asks_about_many_pictures_at_once(store: MediaStore, folder: Path) -> None:
    stored = [store.put(str(number).encode()) for number in range(12)]
    for sha256 in stored:
        age(store.path(sha256))
    asked: list[int] = []
    assert store.sweep(lambda sha256s: asked.append(len(sha256s)) or sha256s[:5]) == 7
    assert (asked, len(files(folder))) == ([12], 5)


def test_a_sweep_removes_files_that_were_never_finished(store: MediaStore, folder: Path) -> None:
    store.put(PICTURE)
    for name in ("old.tmp", "fresh.tmp"):
        (folder / SHA256[:2] / name).write_bytes(b"half")
    age(folder / SHA256[:2] / "old.tmp")
    assert store.sweep(lambda sha256s: sha256s) == 1
    assert files(folder) == [f"{SHA256[:2]}/{SHA256}", f"{SHA256[:2]}/fresh.tmp"]


def test_a_sweep_spares_what_was_just_stored(store: MediaStore) -> None:
    store.put(PICTURE)
    assert store.sweep(lambda sha256s: ()) == 0
    assert store.read(SHA256) == PICTURE


def test_a_sweep_spares_an_orphan_that_was_stored_again(store: MediaStore) -> None:
    store.put(PICTURE)
    age(store.path(SHA256))
    store.put(PICTURE)
    assert store.sweep(lambda sha256s: ()) == 0


def test_a_sweep_leaves_strangers_alone(store: MediaStore, folder: Path) -> None:
    (folder / "zz").mkdir()
    stranger = folder / "zz" / "notes.txt"
    stranger.write_text("mine")
    age(stranger)
    assert store.sweep(lambda sha256s: ()) == 0
    assert stranger.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_a_catalog_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CatalogError, match="make the folder"):
        MediaStore(tmp_path / "file" / "media")


def test_a_disk_that_refuses_is_a_catalog_error_and_leaves_no_half_file(store: MediaStore, folder: Path) -> None:
    store.path(SHA256).mkdir(parents=True)  # a folder where the file belongs: the last step fails
    with pytest.raises(CatalogError, match="store a picture"):
        store.put(PICTURE)
    assert files(folder) == []
