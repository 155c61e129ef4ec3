from functools import partial

import pytest

from app.ingest_entries import Columns
from app.ingest_tables import Located, Table
from model.errors import DatasetError, InputError
from tests.ingest_world import PLAIN, opened, put


def table(path, columns=PLAIN, *, is_far=False):
    return Table(path, path.name, columns, lambda named: Located(partial(named.encode), is_far))


def test_rows_of_a_csv_name_pictures_captions_and_payloads(tmp_path):
    put(tmp_path, t_csv='id,image,caption,year\r\na,x/1.jpg,"a ""red"" cat,\nsitting",007\r\nb,2.jpg,,\r\n,3.jpg,c,\n')
    found = opened(table(tmp_path / "t.csv"))
    assert list(found) == ["a", "b", "3.jpg"]
    assert (found["a"].text, found["a"].image, found["a"].payload) == ('a "red" cat,\nsitting', b"x/1.jpg", {"year": "007"})
    assert (found["b"].text, found["b"].payload) == (None, {})
    assert table(tmp_path / "t.csv").count() == 3


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_the_delimiter_is_seen_and_a_mark_of_utf_8_is_passed_by(tmp_path, delimiter):
    put(tmp_path, t_csv="\ufeffid,text\na,x\n".replace(",", delimiter))
    assert opened(table(tmp_path / "t.csv"))["a"].text == "x"


def test_a_broken_row_is_told_alone(tmp_path):
    rows = [b"id,text,n", b"a,x,1", b"b,\xe9,1", b"c,x,1,2", b"d,x,soon", b"e," + b"x" * 140_000 + b",1", b"f,x", b"", b"g,y,2"]
    put(tmp_path, t_csv=b"\n".join(rows))
    found = opened(table(tmp_path / "t.csv", Columns(numbers=("n",))))
    assert [name for name, content in found.items() if not isinstance(content, str)] == ["a", "f", "g"]
    assert [found[f"t.csv:{line}"][:20] for line in (3, 4, 5)] == [
        "the row is not UTF-8",
        "the row has 4 cells;",
        "n: 'soon' is no numb",
    ]
    assert "field larger" in found["t.csv:6"]
    assert found["g"].payload == {"n": 2}


def test_a_table_whose_columns_share_a_name_is_refused(tmp_path):
    put(tmp_path, t_csv="id,id\na,b\n")
    with pytest.raises(DatasetError, match="a name twice"):
        opened(table(tmp_path / "t.csv"))


def test_lines_of_json_are_items_and_a_broken_one_is_told_alone(tmp_path):
    put(tmp_path, t_jsonl='{"id": "a", "text": "x", "tags": ["t"]}\n\n{"id": "b"\n[1]\n{"image": 7}\n{"text": "no id"}\n')
    found = opened(table(tmp_path / "t.jsonl"))
    assert found["a"].payload == {"tags": ["t"]}
    assert (found["t.jsonl:3"], found["t.jsonl:4"]) == ("the line is no JSON", "the line is no JSON object")
    assert "neither a path nor an address" in found["t.jsonl:5"]
    assert found["t:6"].text == "no id"


def test_what_is_far_is_known_before_it_is_opened(tmp_path):
    put(tmp_path, t_jsonl='{"image": "i.jpg", "text": "x", "n": 1, "sha256": "abc"}')
    (far,) = table(tmp_path / "t.jsonl", is_far=True)
    (near,) = table(tmp_path / "t.jsonl")
    assert (far.known.text, far.known.payload, far.sha256) == ("x", {"n": 1}, "abc")
    assert near.known is None


def test_a_table_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(DatasetError, match="No such file"):
        opened(table(tmp_path / "none.csv"))


def test_an_empty_table_has_no_items(tmp_path):
    put(tmp_path, t_csv="", u_csv="id,text\n", v_jsonl="\n")
    assert [opened(table(tmp_path / name)) for name in ("t.csv", "u.csv", "v.jsonl")] == [{}, {}, {}]


def test_a_picture_that_does_not_come_is_its_items_failure(tmp_path):
    def fail():
        raise InputError("gone")

    put(tmp_path, t_jsonl='{"image": "i.jpg"}')
    source = Table(tmp_path / "t.jsonl", "t.jsonl", PLAIN, lambda named: Located(fail, is_far=False))
    assert opened(source) == {"i.jpg": "gone"}
