import pytest

from app.ingest_tar import Shard
from tests.builders import picture
from tests.ingest_world import MIB, PLAIN, opened, shard

CAT = picture("cat")
MEMBERS = {
    "d/000.jpg": CAT, "d/000.txt": "a cat", "d/000.json": '{"caption": "of json", "year": 1}', "d/000.cls": "7",
    "001.json": '{"text": "words alone"}', "001.npy": "x", "002.seg.png": CAT, "._003.jpg": CAT, "004.jpeg": CAT, "004.cls": "dog",
}  # fmt: skip


@pytest.mark.parametrize(("name", "mode"), [("s.tar", "w"), ("s.tar.gz", "w:gz"), ("s.tar.xz", "w:xz")])
def test_members_of_one_name_are_an_item(tmp_path, name, mode):
    source = Shard(shard(tmp_path / name, MEMBERS, mode), PLAIN, MIB)
    found = opened(source)
    assert list(found) == ["d/000", "001", "004"]
    assert (found["d/000"].text, found["d/000"].payload, found["d/000"].image) == ("a cat", {"cls": 7, "year": 1}, CAT)
    assert (found["001"].text, found["001"].image, found["004"].payload) == ("words alone", None, {"cls": "dog"})
    assert source.left_out == {".npy": 1, ".seg.png": 1}
    assert source.count() == (3 if mode == "w" else None)


def test_a_broken_part_is_its_samples_failure(tmp_path):
    members = {"a.jpg": CAT, "a.json": "[", "b.jpg": b"x" * (MIB + 1), "c.jpg": CAT, "c.txt": b"\xe9", "d.jpg": CAT}
    found = opened(Shard(shard(tmp_path / "s.tar", members), PLAIN, MIB))
    assert (found["a"], found["b"]) == ("the JSON beside it cannot be read", f"it has more than {MIB} bytes")
    assert (found["c"], found["d"].image) == ("the caption beside it is not UTF-8", CAT)


def test_an_archive_that_breaks_off_gives_what_comes_before(tmp_path):
    path = shard(tmp_path / "s.tar", {"a.jpg": CAT, "b.jpg": CAT, "c.jpg": CAT})
    path.write_bytes(path.read_bytes()[:2600])
    found = opened(Shard(path, PLAIN, MIB))
    assert list(found) == ["a", "b", str(path)]
    assert "breaks off" in found[str(path)]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b no gzip"])
def test_what_is_no_archive_is_told(tmp_path, content):
    path = tmp_path / "s.tar"
    path.write_bytes(content)
    source = Shard(path, PLAIN, MIB)
    assert ["breaks off" in reason for reason in opened(source).values()] == [True]
    assert source.count() in (None, 0)
