import os

import pytest

from app.job_manifest import ManifestFile, inside
from model.errors import ImageTooLarge, InvalidRequest, JobFailed
from tests.job_fixtures import manifest, write


def opened(folder, content, root=None):
    write(folder, {"manifest.jsonl": content})
    return ManifestFile(folder / "manifest.jsonl", (root or folder).resolve(), 100)


def read(file, line=0, offset=0, max_items=100, max_bytes=1_000):
    return file.read(line, offset, max_items=max_items, max_bytes=max_bytes)


def test_items_are_read_in_order_with_their_pictures(tmp_path):
    write(tmp_path, {"pictures/a.png": b"A"})
    file = opened(tmp_path, manifest({"id": "a", "image": "pictures/a.png"}, "", {"id": "b", "text": "t", "payload": {"n": 1}}))
    batch = read(file)
    assert (batch.raw_items[1], batch.lines, batch.line) == ({"id": "b", "text": "t", "payload": {"n": 1}}, [1, 3], 3)
    assert batch.files[batch.raw_items[0]["image"]] == b"A"
    assert (file.measure()[1], read(file, batch.line, batch.offset).n_items) == (2, 0)


def test_reading_goes_on_where_it_stopped(tmp_path):
    file = opened(tmp_path, manifest(*({"id": str(n)} for n in range(5))).removesuffix(b"\n"))
    line, offset, found = 0, 0, []
    while (batch := read(file, line, offset, max_items=2)).n_items:
        found.append(([raw["id"] for raw in batch.raw_items], batch.lines))
        line, offset = batch.line, batch.offset
    assert found == [(["0", "1"], [1, 2]), (["2", "3"], [3, 4]), (["4"], [5])]


def test_a_batch_ends_after_so_many_bytes_of_pictures(tmp_path):
    write(tmp_path, {"p": b"x" * 60})
    file = opened(tmp_path, manifest(*({"id": str(n), "image": "p"} for n in range(5))))
    assert len(read(file, max_bytes=100).raw_items) == 2


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", '"text"', "[" * 5_000, "NaN", '{"id": "a", "text": "' + "x" * 1_100_000 + '"}', '{"n": ' + "9" * 5_000 + "}"],
    ids=["half", "list", "number", "text", "deep", "nan", "long", "huge number"],
)
def test_a_line_that_cannot_be_read_fails_alone(tmp_path, line):
    batch = read(opened(tmp_path, manifest({"id": "a"}, line, {"id": "b"})))
    assert ([raw["id"] for raw in batch.raw_items], batch.lines) == (["a", "b"], [1, 3])
    [(number, item_id, error)] = batch.failed
    assert (number, item_id, type(error)) == (2, None, InvalidRequest)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "link", "none", "folder", "loop", "", "a\0b", "fifo", "x" * 5_000])
def test_a_picture_that_may_not_be_read_fails_its_item(tmp_path, name):
    folder = write(tmp_path / "bulk", {"folder/x": b"x"})
    write(tmp_path, {"secret": b"s"})
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "fifo")
    [(line, item_id, error)] = read(opened(folder, manifest({"id": "a", "image": name}))).failed
    assert (line, item_id, type(error)) == (1, "a", InvalidRequest)


def test_a_picture_that_is_too_large_is_not_read(tmp_path):
    write(tmp_path, {"p": b"x" * 101})
    [(_, _, error)] = read(opened(tmp_path, manifest({"id": "a", "image": "p"}))).failed
    assert isinstance(error, ImageTooLarge)


def test_a_manifest_may_name_pictures_anywhere_in_the_folder(tmp_path):
    write(tmp_path, {"pictures/p": b"P"})
    batch = read(opened(tmp_path / "spring", manifest({"id": "a", "image": "../pictures/p"}), root=tmp_path))
    assert list(batch.files.values()) == [b"P"]


def test_a_manifest_that_is_gone_fails_the_job(tmp_path):
    file = opened(tmp_path, b"")
    file.path.unlink()
    for look in (file.measure, lambda: read(file)):
        with pytest.raises(JobFailed, match="No such file"):
            look()


@pytest.mark.parametrize("name", ["../m", "none", "folder", "link", "a\0b", "\udc80"])
def test_a_manifest_outside_the_folder_is_refused(tmp_path, name):
    folder = write(tmp_path / "bulk", {"good": b"", "folder/x": b""})
    write(tmp_path, {"m": b""})
    (folder / "link").symlink_to(tmp_path / "m")
    assert inside(folder, "good") == folder / "good"
    with pytest.raises(InvalidRequest, match="manifest"):
        inside(folder, name)
