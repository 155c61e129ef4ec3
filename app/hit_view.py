"""An answer's hits at a terminal, with their pictures where it can draw them.

Decides whether there are pictures, and fetches them. Does not know how they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL.Image import Image
from rich.console import Console

from app.client import BitlensError, Client, HitOut, SearchOut
from app.decode import ImageDecoder
from app.hit_table import HitTable
from app.terminal_pictures import Way, cell_size, thumbnail, way_of
from model.errors import InputError

_N_AT_ONCE = 4


def show(client: Client, found: SearchOut, *, environment: Mapping[str, str], console: Console | None = None) -> None:
    """Prints hits one below the other, each as soon as its picture is there.

    Args:
        client: Of the service that has the pictures.
        found: What it answered.
        environment: Tells which pictures the terminal can draw; empty for none.
        console: Where to; None for standard output.
    """
    screen = console or Console()
    table = HitTable(found, _way(environment, screen), screen, cell=cell_size(screen.file))
    if found["hits"]:
        table.print_head()
    fetched = pictures(client, found["hits"], thumbnail) if table.shows_pictures else [None] * len(found["hits"])
    for hit, picture in zip(found["hits"], fetched, strict=True):
        table.print_hit(hit, picture)
    if found["next_cursor"] is not None:
        screen.print(f"there are more: -k {2 * len(found['hits'])} shows twice as many", style="dim", highlight=False)


def pictures(client: Client, hits: Sequence[HitOut], use: Callable[[Image], Image]) -> Iterator[Image | None]:
    """Fetches the hits' pictures, a few at once.

    Args:
        client: Of the service.
        hits: In the order to be shown.
        use: Takes a picture and returns what is to be kept of it.

    Yields:
        A picture a hit, in order; None where there is none that can be shown.
    """
    decoder = ImageDecoder(max_bytes=64 << 20, max_pixels=100_000_000, pixel_budget=100_000_000)

    def fetch(hit: Mapping[str, Any]) -> Image | None:
        if hit["image_url"] is None:
            return None
        try:
            return decoder.decode(client.image(hit["id"]), use)[1]
        except (BitlensError, InputError):
            return None

    with ThreadPoolExecutor(_N_AT_ONCE) as pool:
        yield from pool.map(fetch, hits)


def _way(environment: Mapping[str, str], console: Console) -> Way | None:
    has_colours = console.color_system == "truecolor" and not console.no_color
    return way_of(environment, truecolor=has_colours) if environment else None
