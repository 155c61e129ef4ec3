"""``python -m app backup`` and ``restore``: what was acknowledged when the backup was made is there after it is restored."""

import io
import json
import shutil
import tarfile
import threading

import pytest

from app.__main__ import main
from app.backup import back_up
from app.data_dir import DataDir
from app.restore import restore
from model.errors import CatalogError
from tests.builders import index, picture, real_parts, running, settings_for

WORDS = ["red cat", "blue dog", "green bird"]


def fill(client, start=0):
    items = [{"id": f"i{start + n}", "text": words, "image": f"f{n}"} for n, words in enumerate(WORDS)]
    index(client, *items, pictures={f"f{n}": picture(f"{words} {start}") for n, words in enumerate(WORDS)})


def everything(client):
    items = client.get("/index", params={"limit": 1_000}).json()["items"]
    return [(item, client.get(item["image_url"]).content) for item in items]


@pytest.fixture
def made(tmp_path):
    """A backup, what it must bring back, and a folder to restore it into."""
    folder, file = tmp_path / "data", tmp_path / "backup.tar"
    with running(real_parts(folder), settings_for(folder)) as client:
        fill(client)
        expected = everything(client)
        assert main(["backup", str(file), "--data-dir", str(folder)]) == 0  # while it is served
        fill(client, 10)
    return file, expected, tmp_path / "new"


def served(folder):
    with running(real_parts(folder), settings_for(folder)) as client:
        assert client.get("/readyz").json()["checks"]["index"] == "ok"
        return everything(client)


def rewritten(file, change):
    """Writes the backup anew with its members changed: ``change`` maps a name and a content to a content, or None for none."""
    with tarfile.open(file) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(file, "w") as tar:
        for name, content in [(name, change(name, content)) for name, content in members]:
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def test_a_backup_of_a_running_service_brings_everything_back(made, capsys):
    file, expected, folder = made
    assert main(["restore", str(file), "--data-dir", str(folder)]) == 0
    assert "restored 3 items and 3 pictures of revision 1" in capsys.readouterr().out
    assert served(folder) == expected
    assert main(["restore", str(file), "--data-dir", str(folder.parent / "other"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_items"] == 3
    assert sorted(path.name for path in folder.iterdir()) == ["catalogue.sqlite3", "index.snapshot", "lock", "media", "served"]


def test_a_backup_while_items_come_and_go_is_one_state(tmp_path):
    folder, stop = tmp_path / "data", threading.Event()

    def write(client):
        turn = 0
        while not stop.is_set():
            turn += 1
            index(client, {"id": "x", "text": f"t{turn}", "image": "f"}, pictures={"f": picture(f"turn {turn}")})

    with running(real_parts(folder), settings_for(folder)) as client:
        fill(client)
        writing = threading.Thread(target=write, args=(client,))
        writing.start()
        manifests = [back_up(folder, tmp_path / f"{n}.tar") for n in range(3)]
        stop.set()
        writing.join()
    for n, manifest in enumerate(manifests):
        assert manifest.missing == ()
        restore(tmp_path / f"{n}.tar", tmp_path / f"new{n}")
        found = served(tmp_path / f"new{n}")
        assert len(found) == manifest.n_items
        assert all(content == picture(f"turn {item['text'][1:]}") for item, content in found if item["id"] == "x")
    assert not list(folder.glob("*.tmp"))


def test_a_lost_or_damaged_picture_is_told_and_the_rest_is_saved(tmp_path, capsys):
    folder, file = tmp_path / "data", tmp_path / "backup.tar"
    with running(real_parts(folder), settings_for(folder)) as client:
        fill(client)
    first, second, _ = sorted((folder / "media").glob("??/*"))
    first.unlink()
    second.write_bytes(b"damaged")
    assert main(["backup", str(file), "--data-dir", str(folder)]) == 1
    assert "2 pictures are lost or damaged" in capsys.readouterr().err
    manifest = restore(file, tmp_path / "new")
    assert (manifest.n_pictures, manifest.missing) == (1, (first.name, second.name))


def test_a_folder_with_something_in_it_is_left_alone_unless_it_is_to_be_replaced(made, tmp_path):
    file, expected, folder = made
    with running(real_parts(folder), settings_for(folder)) as client:
        fill(client, 20)
        before = everything(client)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(CatalogError, match=r"not empty.*catalogue.sqlite3"):
        restore(file, folder)
    assert served(folder) == before
    restore(file, folder, force=True)
    assert served(folder) == expected
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_folder_that_is_served_cannot_be_restored_into(made, capsys):
    file, _, folder = made
    with running(real_parts(folder), settings_for(folder)):
        assert main(["restore", str(file), "--data-dir", str(folder), "--force"]) == 1
    assert "in use by another process" in capsys.readouterr().err


def test_a_restore_that_was_broken_off_keeps_the_service_from_starting(made):
    file, expected, folder = made
    folder.mkdir()
    (folder / "restoring").touch()
    with pytest.raises(CatalogError, match="broken off"):
        DataDir(folder)
    with pytest.raises(CatalogError, match="not empty"):
        restore(file, folder)
    restore(file, folder, force=True)
    assert served(folder) == expected


def test_a_backup_with_any_damage_is_refused_and_nothing_is_left(made):
    file, _, folder = made
    good = file.read_bytes()
    last = good.index(b"manifest.json")
    for at in [*range(0, last, 4_999), *range(last, last + 1_500, 97)]:
        file.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        try:
            restore(file, folder)
        except CatalogError:
            assert [path.name for path in folder.iterdir()] == ["lock"]
        else:  # a byte of the tar's own padding: nothing is lost by it
            assert len(list(folder.glob("media/??/*"))) == 3
            shutil.rmtree(folder)


@pytest.mark.parametrize("length", [0, 100, 10_000, 0.5, 0.9])
def test_a_backup_that_was_cut_short_is_refused(made, length):
    file, _, folder = made
    good = file.read_bytes()
    file.write_bytes(good[: length if isinstance(length, int) else int(good.index(b"manifest.json") * length)])
    with pytest.raises(CatalogError):
        restore(file, folder)
    assert [path.name for path in folder.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda name, content: None if name == "manifest.json" else content, "cut short"),
        (lambda name, content: None if name == "catalogue.sqlite3" else content, "catalogue is missing"),
        (lambda name, content: content[:-1] if name.startswith("media") else content, "another checksum"),
        (lambda name, content: None if name.startswith("media") else content, "0 pictures, not 3"),
        (lambda name, content: b"{}" if name == "manifest.json" else content, "manifest cannot be read"),
        (lambda name, content: manifest_with(format=2)(name, content), "has format 2"),
        (lambda name, content: manifest_with(revision=7)(name, content), "not the manifest's"),
    ],
    ids=["no manifest", "no catalogue", "damaged picture", "no pictures", "empty manifest", "format", "revision"],
)
def test_a_backup_that_lacks_something_is_refused(made, change, reason):
    file, _, folder = made
    rewritten(file, change)
    with pytest.raises(CatalogError, match=reason):
        restore(file, folder)


def manifest_with(**facts):
    return lambda name, content: json.dumps(json.loads(content) | facts).encode() if name == "manifest.json" else content


@pytest.mark.parametrize("name", ["../evil", "/evil", "media/../../evil", "media/ab/evil", "lock"])
def test_a_backup_with_a_stranger_in_it_is_refused(tmp_path, name):
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(CatalogError, match="does not belong there"):
        restore(tmp_path / "evil.tar", tmp_path / "data" / "new")
    assert not list(tmp_path.rglob("evil"))


def test_links_in_a_backup_are_refused(tmp_path):
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        link = tarfile.TarInfo("catalogue.sqlite3")
        link.type, link.linkname = tarfile.SYMTYPE, "elsewhere"
        tar.addfile(link)
    with pytest.raises(CatalogError, match="does not belong there"):
        restore(tmp_path / "evil.tar", tmp_path / "new")


def complaint(capsys, *arguments):
    assert main([*map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


def test_mistakes_are_told_in_one_line(capsys, tmp_path):
    (tmp_path / "there.tar").write_bytes(b"")
    data = ("--data-dir", tmp_path / "data")
    assert "no catalogue" in complaint(capsys, "backup", tmp_path / "new.tar", *data)
    assert "there already" in complaint(capsys, "backup", tmp_path / "there.tar", *data)
    assert "No such file" in complaint(capsys, "restore", tmp_path / "none.tar", *data)
    assert "could not be restored" in complaint(capsys, "restore", tmp_path / "there.tar", *data)


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(capsys, made, tmp_path):
    capsys.readouterr()
    assert "could not be written" in complaint(capsys, "backup", tmp_path / "no" / "b.tar", "--data-dir", tmp_path / "data")
    assert not list((tmp_path / "data").glob("*.tmp"))
