import numpy as np
import pytest

from app.__main__ import main
from app.client import Client
from app.export import write_matrix, write_table
from model.codes import pack_codes, sign_codes
from model.errors import ConfigError, HashingError
from tests.builders import BUNDLE_ID, N_BITS, index, meaning, picture
from tests.client_world import ToApplication

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def items(client):
    """A listing of three items, of which one has no picture and one no text."""
    index(client, {"id": "ü 1", "text": "red cat", "image": "f", "payload": {"n": 1}}, {"id": "b", "text": "dog"},
          {"id": "c", "image": "f"}, pictures={"f": picture("red cat")})  # fmt: skip
    with Client("http://testserver", transport=ToApplication(client)) as ours:
        yield ours.all_items


def code(words):
    return pack_codes(sign_codes(meaning(words)[None, :]))[0]


def test_codes_of_one_modality_become_an_array_with_the_ids_beside_it(items, tmp_path):
    done = write_matrix(items(), tmp_path / "codes.npy", "image")
    codes = np.load(tmp_path / "codes.npy")
    assert (codes.shape, codes.dtype) == ((2, N_BITS // 8), np.uint8)
    assert np.array_equal(codes[0], code("red cat"))
    assert (tmp_path / "codes.ids.txt").read_text(encoding="utf-8").splitlines() == ["ü 1", "c"]
    assert (done.n_items, done.n_without, done.n_bits, done.bundle_id) == (2, 1, N_BITS, BUNDLE_ID)
    assert "codes of 2 items, 64 bits" in done.as_text()
    assert done.as_json()["files"] == [str(tmp_path / "codes.npy"), str(tmp_path / "codes.ids.txt")]


def test_codes_of_both_modalities_become_a_table(items, tmp_path):
    done = write_table(items(), tmp_path / "codes.parquet")
    table = parquet.read_table(tmp_path / "codes.parquet")
    rows = table.to_pylist()
    assert [(row["id"], row["text"]) for row in rows] == [("ü 1", "red cat"), ("b", "dog"), ("c", None)]
    assert (rows[1]["image_code"], rows[1]["text_code"]) == (None, code("dog").tobytes())
    assert (done.n_items, parquet.read_metadata(tmp_path / "codes.parquet").metadata[b"bundle_id"]) == (3, BUNDLE_ID.encode())


def test_of_no_items_there_is_an_empty_array(tmp_path):
    assert write_matrix([], tmp_path / "codes.npy", "text").n_bits is None
    assert np.load(tmp_path / "codes.npy").shape == (0, 0)
    assert write_table([], tmp_path / "codes.parquet").n_items == 0


def test_many_rows_fit_into_the_header_that_was_left_for_them(tmp_path):
    item = {"id": "a", "text": None, "bundle_id": "b", "codes": {"image": "0f", "text": None}}
    write_matrix((item for _ in range(123_456)), tmp_path / "codes.npy", "image")
    assert np.load(tmp_path / "codes.npy").sum() == 15 * 123_456


@pytest.mark.parametrize("write", [lambda items, path: write_matrix(items, path, "text"), write_table])
def test_what_cannot_be_whole_is_not_there_at_all(items, tmp_path, write):
    (tmp_path / "out").mkdir()
    two = [{**item, "bundle_id": f"b{n}"} for n, item in enumerate(items())]
    with pytest.raises(HashingError, match="another bundle"):
        write(two, tmp_path / "out" / "codes.any")
    with pytest.raises(ConfigError, match="cannot be written"):
        write([], tmp_path / "none" / "codes.any")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["x.csv"], "must end in .npy or .parquet"), (["x.npy", "--filter", "{"], "--filter: no JSON")],
)
def test_arguments_that_cannot_be_are_told(capsys, words, reason):
    assert main(["export-codes", *words]) == 2
    assert reason in capsys.readouterr().err


def test_a_service_that_is_not_there_leaves_no_file(capsys, tmp_path):
    assert main(["export-codes", str(tmp_path / "c.npy"), "--url", "http://127.0.0.1:9"]) == 1
    assert "bitlens serve" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
