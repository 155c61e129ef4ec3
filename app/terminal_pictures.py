"""Small pictures in a terminal.

Decides which way a terminal can show them, read from its environment (asking it would need an answer on standard input), and how
large. The ways are kitty's graphics protocol (https://sw.kovidgoyal.net/kitty/graphics-protocol/), iTerm2's inline images
(https://iterm2.com/documentation-images.html), sixels (DEC STD 070, https://vt100.net/docs/vt3xx-gp/chapter14.html), and else the
upper half of a block, "▀", in two of 16 million colours. Does not know where pictures come from.
"""

from __future__ import annotations

import base64
import fcntl
import io
import struct
import termios
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import IO, Literal

import numpy as np
from PIL import Image
from rich.color import Color
from rich.style import Style
from rich.text import Text

Way = Literal["kitty", "iterm", "sixel", "blocks"]
N_COLUMNS, N_ROWS = 16, 8
"""Room of a picture, in cells; a cell is about twice as high as wide."""
_ITERM = {"iTerm.app", "WezTerm", "mintty"}
_SIXEL = {"foot", "foot-extra", "mlterm", "contour", "yaft-256color"}
_CHUNK = 4096  # kitty's limit of one command
_N_COLOURS = 64
_FROM_KONSOLE = 220400  # its version 22.04


def way_of(environment: Mapping[str, str], *, truecolor: bool) -> Way | None:
    """Returns how a terminal can show pictures.

    Args:
        environment: Variables that terminals set.
        truecolor: Whether it has 16 million colours.

    Returns:
        The best way, or None.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    konsole = environment.get("KONSOLE_VERSION", "")
    if environment.get("TMUX") or term.startswith(("tmux", "screen")):  # passes no pictures on
        return "blocks" if truecolor else None
    if environment.get("KITTY_WINDOW_ID") or term in ("xterm-kitty", "xterm-ghostty"):
        return "kitty"
    if program in _ITERM or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    if term in _SIXEL or "sixel" in term or (konsole.isdecimal() and int(konsole) >= _FROM_KONSOLE):
        return "sixel"
    return "blocks" if truecolor else None


def shrink(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Makes a small copy; what is transparent becomes white.

    Args:
        picture: Any.
        size: Pixels that it must fit into.

    Returns:
        RGB, with the same ratio of the sides.
    """
    small = picture.convert("RGBA")
    small.thumbnail(size)
    return Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")


def thumbnail(picture: Image.Image) -> Image.Image:
    """Makes a copy that is large enough for any way of drawing.

    Args:
        picture: Any.

    Returns:
        RGB, a few hundred pixels wide at most.
    """
    return shrink(picture, (24 * N_COLUMNS, 48 * N_ROWS))


def as_blocks(picture: Image.Image) -> Text:
    """Draws a picture by half blocks: two pixels a cell, one above the other.

    Args:
        picture: Any.

    Returns:
        At most :data:`N_ROWS` lines of :data:`N_COLUMNS` cells.
    """
    small = shrink(picture, (N_COLUMNS, 2 * N_ROWS))
    pixels = np.asarray(small)
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    text = Text(no_wrap=True)
    for row in range(0, len(pixels), 2):
        for upper, lower in zip(pixels[row], pixels[row + 1], strict=True):
            text.append("▀", Style(color=_colour(upper), bgcolor=_colour(lower)))
        text.append("\n")
    text.rstrip()
    return text


def as_sequence(way: Way, picture: Image.Image, *, cell: tuple[int, int] = (8, 16)) -> str:
    """Writes the characters that make a terminal draw a picture at its cursor, within :data:`N_COLUMNS` × :data:`N_ROWS` cells.

    Args:
        way: Any but ``blocks``.
        picture: Any.
        cell: Width and height of a cell, pixels.

    Returns:
        An escape sequence.
    """
    small = shrink(picture, (N_COLUMNS * cell[0], N_ROWS * cell[1]))
    if way == "sixel":
        return _sixels(small)
    file = io.BytesIO()
    small.save(file, "PNG")
    encoded = base64.b64encode(file.getvalue()).decode()
    is_wide = small.width * N_ROWS * cell[1] >= small.height * N_COLUMNS * cell[0]
    return _kitty(encoded, is_wide=is_wide) if way == "kitty" else _iterm(encoded)


def cell_size(terminal: IO[str]) -> tuple[int, int]:
    """Asks the system how large a terminal's cells are.

    Args:
        terminal: Where it is written to.

    Returns:
        Width and height in pixels; 8 × 16 where that is not known.
    """
    try:
        rows, columns, width, height = struct.unpack("4H", fcntl.ioctl(terminal.fileno(), termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return 8, 16
    return (width // columns, height // rows) if rows and columns and width >= columns and height >= rows else (8, 16)


def _colour(pixel: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> Color:
    return Color.from_rgb(*map(int, pixel))


def _kitty(encoded: str, *, is_wide: bool) -> str:
    """One side's cells are told, the other follows from the ratio; C=1 leaves the cursor, q=2 asks for no answer."""
    chunks = [encoded[i : i + _CHUNK] for i in range(0, len(encoded), _CHUNK)]
    side = f"c={N_COLUMNS}" if is_wide else f"r={N_ROWS}"
    heads = [f"a=T,f=100,C=1,q=2,{side},"] + [""] * (len(chunks) - 1)
    more = [1] * (len(chunks) - 1) + [0]
    return "".join(f"\x1b_G{head}m={m};{chunk}\x1b\\" for head, m, chunk in zip(heads, more, chunks, strict=True))


def _iterm(encoded: str) -> str:
    return f"\x1b]1337;File=inline=1;width={N_COLUMNS};height={N_ROWS};preserveAspectRatio=1:{encoded}\x07"


def _sixels(picture: Image.Image) -> str:
    """Bands of six rows; in each, for each colour, a character a column whose six bits say which of its rows have the colour."""
    reduced = picture.quantize(_N_COLOURS)
    levels = np.asarray(reduced.getpalette("RGB"), np.uint16).reshape(-1, 3) * 100 // 255
    indexes = np.asarray(reduced)
    palette = "".join(f"#{i};2;{red};{green};{blue}" for i, (red, green, blue) in enumerate(levels))
    bands = (indexes[row : row + 6] for row in range(0, len(indexes), 6))
    body = "-".join("$".join(_band(band)) for band in bands)
    return f'\x1bPq"1;1;{picture.width};{picture.height}{palette}{body}\x1b\\'


def _band(band: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Iterator[str]:
    weights = 1 << np.arange(len(band))[:, None]
    for colour in np.unique(band):
        sums = ((band == colour) * weights).sum(axis=0)
        runs = ((chr(63 + int(bits)), sum(1 for _ in same)) for bits, same in groupby(sums))
        yield f"#{colour}" + "".join(f"!{n}{sign}" if n > 3 else sign * n for sign, n in runs)
