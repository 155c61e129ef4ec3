"""Every hostile picture and text gets its documented answer, and none of them costs much memory."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from app.decode import allow_pixels
from tests.builders import fake_parts, running, settings_for
from tests.hostile_images import hostile_images
from tests.hostile_texts import TEXTS

ROOT = Path(__file__).resolve().parents[3]
images = cache(hostile_images)


@pytest.fixture
def as_by_default(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        yield client


def answer_of(response):
    """Returns status and kind of problem; nothing else may be told."""
    told = response.json()
    assert "Traceback" not in response.text
    assert response.status_code == 200 or response.headers["content-type"] == "application/problem+json"
    return response.status_code, told["type"].rsplit("/")[-1] if "type" in told else None


def differing(answers, cases):
    return {name: answer for name, answer in answers.items() if answer != tuple(cases[name][1:])}


@pytest.mark.parametrize("path", ["/search/image", "/search/mix"])
def test_every_hostile_picture_gets_its_documented_answer(as_by_default, path):
    allow_pixels(1)
    answers = {}
    for name, case in images().items():
        query = {"query": '{"parts": [{"image": "f"}]}'} if path == "/search/mix" else {}
        response = as_by_default.post(path, data=query, files={"f" if query else "image": case.content})
        answers[name] = answer_of(response)
    assert len(answers) >= 60
    assert differing(answers, images()) == {}


def test_every_hostile_picture_fails_alone_when_it_is_indexed(as_by_default):
    allow_pixels(1)
    names = list(images())
    items = [{"id": name, "image": f"f{number}"} for number, name in enumerate(names)]
    files = {f"f{number}": images()[name].content for number, name in enumerate(names)}
    results = as_by_default.post("/index", data={"items": json.dumps(items)}, files=files).json()["results"]
    told = {result["id"]: (result.get("error") or {"status": 200, "type": None}) for result in results}
    answers = {name: (error["status"], error["type"] and error["type"].rsplit("/")[-1]) for name, error in told.items()}
    assert differing(answers, images()) == {}
    assert as_by_default.get("/readyz").json()["n_items"] == sum(case.status == 200 for case in images().values())


def test_every_hostile_text_gets_its_documented_answer(as_by_default):
    headers = {"content-type": "application/json"}
    answers = {
        name: answer_of(as_by_default.post("/search/text", content=case.body, headers=headers)) for name, case in TEXTS.items()
    }
    assert differing(answers, TEXTS) == {}


MEASURE = """
from pathlib import Path
from app.decode import ImageDecoder, allow_pixels
from model.errors import InputError
from tests.hostile_images import hostile_images
def kib(name):
    return int(Path("/proc/self/status").read_text().split(name)[1].split()[0])
allow_pixels(50_000_000)
decoder = ImageDecoder(max_bytes=20 << 20, max_pixels=50_000_000, pixel_budget=64_000_000)
most = {200: 0, 422: 0}
for name, case in hostile_images().items():
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = kib("VmRSS:")
    try:
        decoder.decode(case.content, lambda image: None)
    except InputError:
        pass
    status = 200 if case.status == 200 else 422
    most[status] = max(most[status], kib("VmHWM:") - before)
print(most[200] // 1024, most[422] // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux")
def test_no_hostile_picture_takes_more_memory_than_its_pixels():
    """In a process of its own; the numbers are MiB at most: of pictures that are accepted, and of those that are refused."""
    ended = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    decoded, refused = map(int, ended.stdout.split())
    assert decoded < 300  # 50 million pixels of 4 bytes, and some
    assert refused < 40


@pytest.mark.parametrize(("heading", "cases"), [("Hostile pictures", images), ("Hostile texts", lambda: TEXTS)])
def test_the_page_on_limits_has_the_same_table(heading, cases):
    text = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (.+?) \| (\d{3}) \| (?:`([\w-]+)`)? ?\|$", section[1], flags=re.MULTILINE)
    documented = {name: (int(status), slug or None) for name, status, slug in rows}
    assert documented == {name: tuple(case[1:]) for name, case in cases().items()}
