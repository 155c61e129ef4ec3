from contextlib import ExitStack

import httpx
import pytest

from app.ingest_http import Fetcher
from app.ingest_sources import Opening
from model.errors import ConfigError
from tests.builders import picture
from tests.client_world import Script
from tests.ingest_world import MIB, PLAIN, opened, put, shard

CAT = picture("cat")


@pytest.fixture
def opening():
    script = Script(httpx.Response(200, content=b'{"image": "i.jpg", "text": "far"}'), httpx.Response(200, content=CAT))
    with ExitStack() as undo:
        yield Opening(PLAIN, MIB, Fetcher(MIB, transport=script), undo)


def test_what_an_argument_is_decides_how_it_is_read(opening, tmp_path):
    put(tmp_path, a_jpg=CAT, t_csv="image,text\na.jpg,of the table\n", u_jsonl='{"image": "a.jpg"}')
    put(tmp_path / "images", b_jpg=CAT, c_jpg=CAT, metadata_jsonl='{"file_name": "b.jpg", "text": "told", "sha256": "x"}')
    shard(tmp_path / "s.tar", {"d.jpg": CAT})
    names = ("a.jpg", "t.csv", "u.jsonl", "images", "s.tar")
    sources = opening.all([str(tmp_path / name) for name in names])
    assert [type(source).__name__ for source in sources] == ["Folder", "Table", "Table", "Table", "Shard"]
    assert [list(opened(source)) for source in sources] == [["a.jpg"], ["a.jpg"], ["a.jpg"], ["b.jpg"], ["d"]]
    assert opened(sources[3])["b.jpg"].image == CAT


def test_a_manifest_and_its_pictures_lie_at_addresses(opening):
    (source,) = opening.all(["https://host/a/m.jsonl"])
    (content,) = opened(source).values()
    assert (content.text, content.image) == ("far", CAT)


def test_a_table_on_this_machine_may_name_addresses(opening, tmp_path):
    put(tmp_path, t_jsonl='{"image": "https://host/i.jpg"}')
    (entry,) = opening.all([str(tmp_path / "t.jsonl")])[0]
    assert entry.known is not None


def test_all_arguments_that_are_no_sources_are_told_at_once(opening, tmp_path):
    put(tmp_path, a_pdf="x")
    with pytest.raises(ConfigError) as raised:
        opening.all([str(tmp_path / "none"), str(tmp_path / "a.pdf"), "https://host/page", str(tmp_path)])
    reasons = ("there is no such file or folder", "what can be read is a folder", "a manifest's name ends in")
    assert [reason in mistake for reason, mistake in zip(reasons, raised.value.mistakes, strict=True)] == [True] * 3
