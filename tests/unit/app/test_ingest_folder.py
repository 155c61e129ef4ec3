import os
import shutil
from pathlib import Path

import pytest

from app.ingest_folder import Folder, read_picture
from model.errors import ImageTooLarge, InputError
from tests.builders import picture
from tests.ingest_world import MIB, PLAIN, opened, put

CAT = picture("cat")


def folder(root, **more):
    return Folder(root, more.pop("columns", PLAIN), more.pop("max_image_bytes", MIB))


def ids(root):
    return [found.item_id for found in folder(root)]


def test_every_picture_below_is_an_entry_named_by_its_path_in_order(tmp_path):
    put(tmp_path, b_jpg=CAT, sub__a_PNG=CAT, sub__deep__c_webp=CAT, a_gif=CAT)
    assert ids(tmp_path) == ["a.gif", "b.jpg", "sub/a.PNG", "sub/deep/c.webp"]
    assert folder(tmp_path).count() == 4


def test_hidden_files_and_junk_are_passed_by_and_other_kinds_are_counted(tmp_path):
    put(tmp_path, a_jpg=CAT, a_txt="x", b_heic="x", c_heic="x", Thumbs_db="x")
    put(tmp_path / ".git", z_jpg=CAT)
    put(tmp_path / "__MACOSX", z_jpg=CAT)
    (tmp_path / "._a.jpg").write_bytes(CAT)
    source = folder(tmp_path)
    assert list(opened(source)) == ["a.jpg"]
    assert source.left_out == {".heic": 2}


def test_captions_and_payloads_stand_beside(tmp_path):
    put(tmp_path, a_jpg=CAT, a_txt="of txt", a_json='{"text": "of json", "year": 1999}', b_jpg=CAT, b_json='{"caption": "of b"}')
    (tmp_path / "b.jpg.txt").write_text("nearer")
    (tmp_path / "b.txt").write_text("farther")
    found = opened(folder(tmp_path))
    assert (found["a.jpg"].text, found["a.jpg"].image) == ("of txt", CAT)
    assert found["a.jpg"].payload == {"file": "a.jpg", "year": 1999}
    assert found["b.jpg"].text == "nearer"


def test_the_payload_has_folder_and_file_unless_what_lies_beside_says_so(tmp_path):
    put(tmp_path, trip__day__a_jpg=CAT, b_jpg=CAT, b_json='{"file": "of json"}')
    found = opened(folder(tmp_path))
    assert found["trip/day/a.jpg"].payload == {"folder": "trip/day", "file": "a.jpg"}
    assert found["b.jpg"].payload == {"file": "of json"}


def test_what_cannot_be_read_is_told_alone(tmp_path):
    put(tmp_path, bad_jpg=CAT, bad_txt=b"\xe9", good_jpg=CAT, json_jpg=CAT, json_json="[", large_jpg=b"x" * (MIB + 1))
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    found = opened(folder(tmp_path))
    assert {name: reason for name, reason in found.items() if isinstance(reason, str)} == {
        "bad.jpg": "the caption beside it is not UTF-8",
        "json.jpg": "the JSON beside it cannot be read",
        "large.jpg": f"it has more than {MIB} bytes",
        "pipe.jpg": "it is no file",
        "gone.jpg": "there is no such file",
        "loop.jpg": "it cannot be read: Too many levels of symbolic links",
    }


def test_links_are_followed_and_no_folder_is_read_twice(tmp_path):
    put(tmp_path / "outside", far_jpg=CAT)
    root = put(tmp_path / "root", z__own_jpg=CAT, a_jpg=CAT)
    (root / "again").symlink_to("z")
    (root / "up").symlink_to("..")
    (root / "z" / "self").symlink_to(".")
    (root / "linked.jpg").symlink_to("a.jpg")
    assert ids(root) == ["a.jpg", "linked.jpg", "z/own.jpg", "up/outside/far.jpg"]


def test_names_that_are_no_text_have_ids_all_the_same(tmp_path):
    for suffix, content in ((b"jpg", CAT), (b"txt", b"coffee")):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n." + suffix)).write_bytes(content)
    put(tmp_path, **{"n" * 250 + "_jpg": CAT})
    found = opened(folder(tmp_path))
    assert found["caf\ufffdE9\ufffd0A.jpg"].text == "coffee"
    assert found["n" * 250 + ".jpg"].image == CAT


def test_a_folder_that_is_gone_when_it_is_looked_into_is_told(tmp_path):
    put(tmp_path, a_jpg=CAT, sub__b_jpg=CAT, z__c_jpg=CAT)
    found = iter(folder(tmp_path))
    assert next(found).item_id == "a.jpg"
    shutil.rmtree(tmp_path / "sub")
    assert (next(found).reason, next(found).item_id) == ("the folder cannot be read: No such file or directory", "z/c.jpg")


def test_a_single_picture_is_a_source(tmp_path):
    put(tmp_path, a_jpg=CAT, a_txt="words")
    assert opened(folder(tmp_path / "a.jpg"))["a.jpg"].text == "words"


def test_a_picture_is_read_within_limits(tmp_path):
    put(tmp_path, a_jpg=b"12345")
    assert read_picture(tmp_path / "a.jpg", 5) == b"12345"
    with pytest.raises(ImageTooLarge, match="more than 4 bytes"):
        read_picture(tmp_path / "a.jpg", 4)
    for path in (tmp_path, tmp_path / "none", tmp_path / "\0"):
        with pytest.raises(InputError):
            read_picture(path, 5)
