import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
import zlib
from functools import partial

import pytest

from app import archive_streams as streams
from app.archives import is_archive, unpack
from model.errors import JobFailed
from tests.job_fixtures import tarred, zipped

FILES = {"manifest.jsonl": b"{}\n", "pictures/a.png": b"A" * 1_000}
PACKINGS = {"tar": tarred, **{f"tar.{name}": partial(tarred, mode=f"w:{name}") for name in ("gz", "bz2", "xz")}}
every_kind = pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
every_packing = pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)


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


@pytest.mark.parametrize("content", [b"", b"shopping list\n" * 100, gzip.compress(b"shopping list")], ids=["empty", "text", "gz"])
def test_what_is_no_archive_is_known(tmp_path, content):
    (tmp_path / "archive").write_bytes(content)
    assert not is_archive(tmp_path / "archive")
    with pytest.raises(JobFailed):
        unpacked(tmp_path, content)


@every_packing
def test_packed_files_come_out_as_they_went_in(tmp_path, pack):
    files = {**FILES, "empty.txt": b"", "full.bin": bytes(512), "long/" + "n" * 200 + ".txt": b"x" * 100_000}
    assert unpacked(tmp_path, pack(files), max_bytes=200_000) == files
    assert is_archive(tmp_path / "archive")


@every_packing
def test_a_bomb_of_a_file_is_refused_before_it_is_unpacked(tmp_path, pack):
    with pytest.raises(JobFailed, match="more than 900 bytes"):
        unpacked(tmp_path, pack({"zeros": bytes(50_000_000)}), max_bytes=900)
    assert not (tmp_path / "content" / "zeros").exists()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=PACKINGS)
def test_a_bomb_of_a_header_is_refused_before_it_is_unpacked(tmp_path, pack):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 500_000_000
    content = header.tobuf(tarfile.GNU_FORMAT) + bytes(2_000_000)
    with pytest.raises(JobFailed, match="a header of more than 1048576 bytes"):
        unpacked(tmp_path, pack(content))
    assert not is_archive(tmp_path / "archive")


def test_bytes_between_files_count_as_well(tmp_path):
    directories = io.BytesIO()
    with tarfile.open(fileobj=directories, mode="w") as archive:
        for number in range(10):
            member = tarfile.TarInfo(f"folder{number}")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
    (tmp_path / "archive").write_bytes(gzip.compress(directories.getvalue()))
    refused = pytest.raises(JobFailed, match="headers included")
    with streams.unpacked(tmp_path / "archive", 4_000) as stream, tarfile.open(fileobj=stream, mode="r:") as archive, refused:
        archive.getmembers()


def test_xz_that_asks_for_gigabytes_of_memory_is_refused(tmp_path):
    content = bytearray(tarred(FILES, "w:xz"))
    end = 12 + 4 * (content[12] + 1) - 4  # of the first block's header, where its checksum stands
    assert content[14:16] == b"\x21\x01"  # LZMA2 with one byte that says how large its dictionary is
    content[16] = 38  # 2 GiB
    content[end : end + 4] = zlib.crc32(content[12:end]).to_bytes(4, "little")
    with pytest.raises(JobFailed, match="Memory usage limit exceeded"):
        unpacked(tmp_path, bytes(content))


def test_xz_in_several_streams_is_refused_instead_of_read_in_part(tmp_path):
    content = tarred(FILES)
    with pytest.raises(JobFailed, match="several streams"):
        unpacked(tmp_path, lzma.compress(content[:1_024]) + lzma.compress(content[1_024:]))


@pytest.mark.parametrize("name", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_packed_archives_that_end_too_early_are_refused(tmp_path, name, share):
    content = tarred({"noise": random.Random(1).randbytes(9_000)}, f"w:{name}")
    with pytest.raises(JobFailed):
        unpacked(tmp_path, content[: int(len(content) * share)])
