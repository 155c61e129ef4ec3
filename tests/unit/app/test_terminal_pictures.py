import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from app.terminal_pictures import N_COLUMNS, N_ROWS, as_blocks, as_sequence, cell_size, shrink, way_of


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230800"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "200400"}, "blocks"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, "blocks"),
        ({"TERM": "xterm-256color"}, "blocks"),
    ],
)
def test_the_environment_tells_what_a_terminal_can_show(environment, way):
    assert way_of(environment, truecolor=True) == way


def test_without_colours_and_protocols_there_are_no_pictures():
    assert way_of({"TERM": "xterm"}, truecolor=False) is None
    assert way_of({"TERM": "screen", "KITTY_WINDOW_ID": "1"}, truecolor=False) is None
    assert way_of({"TERM": "xterm-kitty"}, truecolor=False) == "kitty"


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (3, 5), (1, 1)])
def test_a_small_copy_fits_and_keeps_its_ratio(size):
    small = shrink(Image.new("RGB", size, "red"), (30, 20))
    assert small.width <= 30
    assert small.height <= 20
    assert abs(small.width / small.height - size[0] / size[1]) < 0.5


def test_what_is_transparent_becomes_white():
    assert shrink(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), (4, 4)).getpixel((0, 0)) == (255, 255, 255)


def test_blocks_carry_two_pixels_a_cell():
    picture = Image.new("RGB", (2, 3), "red")
    picture.putpixel((1, 1), (0, 0, 255))
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=20)
    console.print(as_blocks(picture))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 2
    assert "38;2;255;0;0;48;2;0;0;255m▀" in lines[0]
    assert max(map(len, as_blocks(Image.new("RGB", (500, 500))).plain.splitlines())) == N_COLUMNS


def test_kitty_gets_png_in_chunks_that_say_whether_more_comes():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 100, 3), np.uint8))
    commands = re.findall(r"\x1b_G(.*?);(.*?)\x1b\\", as_sequence("kitty", noise), flags=re.DOTALL)
    assert commands[0][0] == f"a=T,f=100,C=1,q=2,r={N_ROWS},m=1"
    assert [head for head, _ in commands[1:]] == ["m=1"] * (len(commands) - 2) + ["m=0"]
    assert all(len(data) <= 4096 for _, data in commands)
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in commands)))) as sent:
        assert sent.size == (64, 128)


def test_kitty_gets_a_wide_picture_by_its_width():
    assert f",c={N_COLUMNS},m=0;" in as_sequence("kitty", Image.new("RGB", (300, 100)))


def test_iterm_gets_png_and_the_room_it_may_take():
    sequence = as_sequence("iterm", Image.new("RGB", (10, 10), "green"))
    head, _, data = sequence.removesuffix("\x07").rpartition(":")
    assert head == f"\x1b]1337;File=inline=1;width={N_COLUMNS};height={N_ROWS};preserveAspectRatio=1"
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert sent.getpixel((0, 0)) == (0, 128, 0)


def drawn(sixels):
    """Draws sixels as a terminal would, slowly."""
    width, height = map(int, re.search(r'"1;1;(\d+);(\d+)', sixels).groups())
    palette = {int(i): [int(level) for level in levels.split(";")] for i, levels in re.findall(r"#(\d+);2;([\d;]+)", sixels)}
    body = re.sub(r'^.*?"1;1;\d+;\d+(#\d+;2;\d+;\d+;\d+)*', "", sixels).removesuffix("\x1b\\")
    canvas, x, y, colour = np.full((height + 6, width, 3), -1), 0, 0, None
    for sign in re.findall(r"#\d+|!\d+.|.", body):
        if sign[0] == "#":
            colour = palette[int(sign[1:])]
        elif sign in "$-":
            x, y = 0, y + 6 * (sign == "-")
        else:
            n = int(sign[1:-1]) if sign[0] == "!" else 1
            for bit in range(6):
                if (ord(sign[-1]) - 63) >> bit & 1:
                    canvas[y + bit, x : x + n] = colour
            x += n
    return canvas[:height]


def test_sixels_draw_the_picture():
    pixels = np.random.default_rng(1).choice(
        np.asarray([[0, 0, 0], [255, 0, 0], [0, 255, 255], [51, 102, 204]], np.uint8), (20, 17)
    )
    canvas = drawn(as_sequence("sixel", Image.fromarray(pixels)))
    assert np.abs(canvas - pixels.astype(int) * 100 / 255).max() <= 1


def test_cells_of_no_terminal_have_a_usual_size(tmp_path):
    with (tmp_path / "file").open("w") as file:
        assert cell_size(file) == cell_size(io.StringIO()) == (8, 16)
