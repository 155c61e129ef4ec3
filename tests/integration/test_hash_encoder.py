"""A bundle in somebody's own program: from a folder or a hub to codes, and back to a hub; the hub is one on the loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.codes import hamming_distances, pack_codes, sign_codes
from model.errors import BundleCorrupt, BundleNotFound, EmptyText, UndecodableImage
from model.hash_encoder import HashEncoder
from model.hub import hub_address
from model.served import ServedBundle
from tests.fake_hub import FakeHub, ask_hub, running_hub
from tests.tiny_bundle import save_tiny_bundle
from training.__main__ import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", 16)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with running_hub() as hub:
        ask_hub(hub.endpoint, tmp_path / "cache", monkeypatch)
        yield hub


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_codes_are_those_of_the_service(folder: Path) -> None:
    encoder, served = HashEncoder.from_pretrained(folder), ServedBundle.open(folder).encoders()["text"]
    wanted = pack_codes(sign_codes(served.encode([served.prepare(text) for text in ("a dog", "two cats")])))
    found = encoder.encode_texts(["a dog", "two cats"])
    assert (found.dtype, found.shape, encoder.n_bits) == (np.uint8, (2, 2), 16)
    assert np.array_equal(found, wanted)
    assert np.array_equal(encoder.encode_texts("a dog"), wanted[:1])
    assert hamming_distances(found, found)[0, 0] == 0


def test_a_picture_may_be_an_image_or_a_file(folder: Path, tmp_path: Path) -> None:
    encoder, picture = HashEncoder.from_pretrained(folder), Image.effect_noise((90, 70), 80)
    picture.save(tmp_path / "noise.png")
    found = encoder.encode_images([picture, tmp_path / "noise.png", str(tmp_path / "noise.png")])
    assert len(np.unique(found, axis=0)) == 1
    assert encoder.encode_images(picture).shape == (1, 2)
    assert encoder.encode_images([]).shape == (0, 2)


def test_what_is_no_picture_and_no_text_is_told(folder: Path, tmp_path: Path) -> None:
    encoder = HashEncoder.from_pretrained(folder)
    (tmp_path / "noise.png").write_text("no picture")
    with pytest.raises(UndecodableImage, match=r"noise\.png cannot be read as a picture"):
        encoder.encode_images(tmp_path / "noise.png")
    with pytest.raises(EmptyText):
        encoder.encode_texts(["a dog", " "])


def test_a_bundle_is_pushed_and_fetched_as_it_is(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    encoder = HashEncoder.from_pretrained(folder)
    address = encoder.push_to_hub("ada/tiny")
    fetched = HashEncoder.from_pretrained("ada/tiny")
    fetched.save_pretrained(tmp_path / "copy")
    assert address.startswith(f"{hub.endpoint}/ada/tiny/commit/")
    assert fetched.bundle_id == encoder.bundle_id
    assert content(tmp_path / "copy") == content(folder) == hub.history["ada/tiny"][-1]
    assert HashEncoder.from_pretrained(tmp_path / "copy").bundle_id == encoder.bundle_id


def test_what_was_fetched_once_needs_no_hub(hub: FakeHub, folder: Path) -> None:
    hub.publish("ada/tiny", folder)
    wanted = HashEncoder.from_pretrained("ada/tiny").encode_texts("a dog")
    hub.asked.clear()
    assert np.array_equal(HashEncoder.from_pretrained("ada/tiny", local_files_only=True).encode_texts("a dog"), wanted)
    assert hub.asked == []


def test_a_revision_may_be_named(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    older, other = hub.publish("ada/tiny", folder), save_tiny_bundle(tmp_path / "other", 8)
    hub.publish("ada/tiny", other)
    assert HashEncoder.from_pretrained("ada/tiny").n_bits == 8
    assert HashEncoder.from_pretrained("ada/tiny", revision=older).n_bits == 16
    assert ServedBundle.open(Path(f"hf://ada/tiny@{older}")).n_bits == 16
    with pytest.raises(BundleNotFound, match="no bundle at ada/tiny: the repository has no revision 'v9'"):
        HashEncoder.from_pretrained("ada/tiny", revision="v9")


def test_a_damaged_file_of_a_repository_is_refused(hub: FakeHub, folder: Path) -> None:
    hub.publish("ada/tiny", folder)
    hub.history["ada/tiny"][-1]["text.onnx"] += b"\0"
    with pytest.raises(BundleCorrupt, match=r"text\.onnx of the bundle in .* has sha256"):
        HashEncoder.from_pretrained("ada/tiny")


def test_what_is_no_bundle_is_told_before_its_weights_are_fetched(hub: FakeHub, folder: Path) -> None:
    hub.history["ada/other"] = [{"config.json": b'{"model_type": "bert"}', "model.safetensors": b"0" * 100}]
    hub.history["ada/empty"] = [{"README.md": b"# nothing"}]
    with pytest.raises(BundleNotFound, match="no bundle at ada/other: the repository holds something else"):
        HashEncoder.from_pretrained("ada/other")
    with pytest.raises(BundleNotFound, match=r"no bundle at ada/empty: the repository has no config\.json"):
        HashEncoder.from_pretrained("ada/empty")
    with pytest.raises(BundleNotFound, match="no such repository on the hub; for private ones, `hf auth login`"):
        HashEncoder.from_pretrained("ada/none")
    assert not any("resolve" in each and "safetensors" in each for each in hub.asked)


def test_without_a_network_one_line_says_so(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_hub() as gone:
        ask_hub(gone.endpoint, tmp_path / "cache", monkeypatch)
    with pytest.raises(BundleNotFound, match=r"no bundle at ada/tiny: no such folder, .*nor can the hub be reached"):
        HashEncoder.from_pretrained("ada/tiny")
    with pytest.raises(BundleNotFound, match="ada/tiny cannot be published: "):
        HashEncoder.from_pretrained(folder).push_to_hub("ada/tiny")


def test_without_a_token_nothing_is_published(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(BundleNotFound, match=r"ada/tiny cannot be published: .*is there a token \(`hf auth login`\)\?"):
        HashEncoder.from_pretrained(folder).push_to_hub("ada/tiny")
    assert hub.history == {}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("hf://ada/tiny", ("ada/tiny", None)),
        (Path("hf://ada/tiny@v1"), ("ada/tiny", "v1")),
        ("ada/tiny", None),
        ("bundles/photos-64", None),
    ],
)
def test_only_what_says_so_is_an_address_of_the_hub(name: str | Path, wanted: tuple[str, str | None] | None) -> None:
    assert hub_address(name) == wanted


def test_a_service_asks_no_hub_for_a_folder_that_is_missing(hub: FakeHub) -> None:
    with pytest.raises(BundleNotFound, match="there is no bundle at ada/tiny"):
        ServedBundle.open(Path("ada/tiny"))
    assert hub.asked == []


def test_the_push_command_publishes_a_folder(hub: FakeHub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(folder), "--to", "ada/tiny"]) == 0
    assert json.loads(capsys.readouterr().out)["commit"].startswith(f"{hub.endpoint}/ada/tiny/commit/")
    assert hub.history["ada/tiny"][-1] == content(folder)
    assert main(["push", str(folder.parent), "--to", "ada/tiny"]) == 2
    assert "config.json of the bundle in" in capsys.readouterr().err


def test_encoding_loads_no_torch(folder: Path) -> None:
    lines = f"from model.hash_encoder import HashEncoder\nHashEncoder.from_pretrained({str(folder)!r}).encode_texts('a dog')"
    program = f"import sys\n{lines}\nassert not {{'torch', 'transformers', 'onnx', 'huggingface_hub'}} & sys.modules.keys()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
