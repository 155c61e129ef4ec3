import httpx
import pytest

from app.ingest_http import Fetcher
from model.errors import DatasetError, ImageTooLarge, InputError
from tests.client_world import Script


def fetcher(*answers, max_image_bytes=100):
    script = Script(*answers)
    return Fetcher(max_image_bytes, transport=script, sleep=script.sleep), script


def test_a_picture_is_found_relative_to_its_manifest_or_anywhere():
    ours, script = fetcher(*[httpx.Response(200, content=b"picture")] * 2)
    for named in ("../i/1.jpg", "https://elsewhere/2.jpg"):
        located = ours.locate("https://host/a/b/m.jsonl", named)
        assert (located.read(), located.is_far) == (b"picture", True)
    assert [str(request.url) for request in script.requests] == ["https://host/a/i/1.jpg", "https://elsewhere/2.jpg"]


def test_what_may_pass_is_tried_again_from_the_beginning():
    ours, script = fetcher(httpx.ReadError("cut"), httpx.Response(503, content=b"busy"), httpx.Response(200, content=b"picture"))
    assert ours.image("https://host/1.jpg") == b"picture"
    assert 0.5 <= script.waits[0] <= script.waits[1] * 2 <= 4


@pytest.mark.parametrize(
    ("answers", "reason", "n_tries"),
    [
        ([httpx.Response(404)], "answers 404", 1),
        ([httpx.Response(500)] * 4, "answers 500", 4),
        ([httpx.ConnectError("refused")] * 4, "cannot be fetched: refused", 4),
        ([httpx.UnsupportedProtocol("no")], "cannot be fetched: no", 1),
    ],
)
def test_what_does_not_come_is_told_with_its_address(answers, reason, n_tries):
    ours, script = fetcher(*answers)
    with pytest.raises(InputError, match=f"https://host/1.jpg {reason}"):
        ours.image("https://host/1.jpg")
    assert len(script.requests) == n_tries


def test_a_picture_that_is_too_large_is_not_read_to_its_end():
    def endless():
        while True:
            yield b"x" * 60

    ours, _ = fetcher(lambda request: httpx.Response(200, content=endless()))
    with pytest.raises(ImageTooLarge, match="more than 100 bytes"):
        ours.image("https://host/1.jpg")


def test_a_manifest_cannot_name_files_of_this_machine():
    ours = Fetcher(100)
    with pytest.raises(InputError, match="file:///etc/hostname cannot be fetched"):
        ours.locate("https://host/m.jsonl", "file:///etc/hostname").read()
    ours.close()


def test_a_manifest_is_fetched_whole_and_named_as_it_was(tmp_path):
    ours, _ = fetcher(httpx.Response(200, content=b"{}\n" * 100), httpx.Response(404))
    path = ours.manifest("https://host/a/m.jsonl?x=1", tmp_path)
    assert (path.name, path.stat().st_size) == ("m.jsonl", 300)
    with pytest.raises(DatasetError, match="answers 404"):
        ours.manifest("https://host/a/m.jsonl", tmp_path)
