import io

import pytest
from PIL import Image
from rich.console import Console

from app.hit_lines import lines
from app.hit_table import HitTable
from app.terminal_pictures import N_ROWS


def hit(item_id="rex", distance=9, precision=0.8, **more):
    interval = None if precision is None else [precision - 0.05, precision + 0.03]
    known = {"target": "image", "text": None, "payload": {}, "image_url": f"/index/{item_id}/image"}
    return {"id": item_id, "distance": distance, "expected_precision": precision, "precision_interval": interval, **known, **more}


def found(*hits):
    return {"hits": list(hits), "next_cursor": None, "no_match": False, "no_match_reason": None, "query": {"code": "00" * 8}}


def printed(answer, way=None, picture=None, width=100):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    table = HitTable(answer, way, console)
    table.print_head()
    for each in answer["hits"]:
        table.print_hit(each, picture)
    return console.file.getvalue()


def test_a_hit_in_a_pipe_is_a_line_with_tabs():
    answer = found(hit(text="a dog\non the\tgrass"), hit("cat", 1, None, payload={"album": 7, "by": ["Ann"], "on": "grass"}))
    assert lines(answer) == 'rex\t9\t0.800\timage\ta dog on the grass\ncat\t1\t-\timage\talbum: 7, by: ["Ann"], on: grass\n'


def test_distance_is_told_in_bits_and_precision_as_a_bar_with_its_interval():
    head, first, second = printed(found(hit(text="a dog"), hit("cat", 1, 0.5625))).splitlines()
    assert head.split("  ")[0].strip() == "id"
    assert "of 64 bits" in head
    assert [part.strip() for part in first.split("  ") if part] == ["rex", "9 bits", "████████", "80% (75–83)", "a dog"]
    assert "1 bit " in second
    assert "█████▋" in second


def test_without_calibration_there_is_no_bar():
    text = printed(found(hit(precision=None)))
    assert "precision" not in text
    assert "█" not in text


def test_what_others_wrote_cannot_steer_the_terminal():
    assert "\x1b" not in printed(found(hit("\x1b[2J", text="\x1b]0;title\x07")))


def test_blocks_stand_in_the_row():
    text = printed(found(hit()), "blocks", Image.new("RGB", (64, 64), "red"))
    assert text.count("▀") == 16 * 8
    assert len(text.splitlines()) == 2 + N_ROWS


@pytest.mark.parametrize(("words", "n_lines"), [("short", 1 + N_ROWS), ("long " * 150, 19)])
def test_a_protocols_picture_is_drawn_over_the_cells_left_free(words, n_lines):
    text = printed(found(hit(text=words)), "kitty", Image.new("RGB", (64, 64), "red"), width=80)
    rows, _, rest = text.partition("\x1b7")
    assert rows.count("\n") == 1 + n_lines
    assert rest.startswith(f"\x1b[{n_lines}A\r\x1b_G")
    assert rest.endswith("\x1b\\\x1b8")


def test_a_narrow_terminal_and_a_hit_without_a_picture_have_none():
    assert "▀" not in printed(found(hit()), "blocks", Image.new("RGB", (64, 64), "red"), width=60)
    assert len(printed(found(hit()), "kitty", None).splitlines()) == 2
