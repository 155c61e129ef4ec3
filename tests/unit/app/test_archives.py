import io
import tarfile
import zipfile

import pytest

from app.archives import is_archive, unpack
from model.errors import JobFailed
from tests.job_fixtures import tarred, zipped

FILES = {"manifest.jsonl": b"{}\n", "pictures/a.png": b"A" * 1_000}
every_kind = pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])


def unpacked(folder, content, max_bytes=10_000):
    (folder / "archive").write_bytes(content)
    unpack(folder / "archive", folder / "content", max_bytes=max_bytes)
    return {path.relative_to(folder / "content").as_posix(): path.read_bytes() for path in (folder / "content").rglob("*.*")}


@every_kind
def test_files_come_out_as_they_went_in(tmp_path, pack):
    assert unpacked(tmp_path, pack(FILES)) == FILES
    assert is_archive(tmp_path / "archive")


@every_kind
@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a\\b", ".."])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, pack, name):
    with pytest.raises(JobFailed, match="name"):
        unpacked(tmp_path, pack({name: b"x"}))
    assert not list(tmp_path.rglob("evil"))


@every_kind
def test_what_unpacks_to_too_much_is_refused_before_it_is_written(tmp_path, pack):
    with pytest.raises(JobFailed, match="more than 900 bytes"):
        unpacked(tmp_path, pack({"zeros": bytes(1_000)}), max_bytes=900)
    assert not (tmp_path / "content" / "zeros").exists()


def test_a_zip_that_says_less_than_it_unpacks_to_is_refused(tmp_path):
    content = zipped({"zeros": bytes(100_000)})
    lying = content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(JobFailed):
        unpacked(tmp_path, lying)


@every_kind
def test_the_same_name_twice_is_refused(tmp_path, pack):
    class Twice(dict):
        def items(self):
            return [("a.txt", b"1"), ("a.txt", b"2")]

    with pytest.warns(UserWarning, match="Duplicate") if pack is zipped else pytest.raises(JobFailed):
        content = pack(Twice())
        unpacked(tmp_path, content) if pack is tarred else None
    if pack is zipped:
        with pytest.raises(JobFailed, match="File exists"):
            unpacked(tmp_path, content)


@every_kind
def test_damaged_archives_are_refused(tmp_path, pack):
    content = pack(FILES)
    at = content.index(b"pictures/a.png") + 20
    for number, damaged in enumerate([content[:at], content[:at] + b"\xff" * 40 + content[at + 40 :]]):
        (folder := tmp_path / str(number)).mkdir()
        try:
            assert unpacked(folder, damaged) != FILES
        except JobFailed:
            continue


def test_links_and_devices_are_refused(tmp_path):
    for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
        (folder := tmp_path / str(number)).mkdir()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("evil")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        with pytest.raises(JobFailed, match="no plain file"):
            unpacked(folder, buffer.getvalue())


def test_a_link_in_a_zip_is_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("evil")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(JobFailed, match="no plain file"):
        unpacked(tmp_path, buffer.getvalue())


@pytest.mark.parametrize("content", [b"", b"shopping list\n" * 100, tarred(FILES, "w:gz")], ids=["empty", "text", "tar.gz"])
def test_what_is_no_archive_is_known(tmp_path, content):
    (tmp_path / "archive").write_bytes(content)
    assert not is_archive(tmp_path / "archive")
    with pytest.raises(JobFailed):
        unpacked(tmp_path, content)
