"""``bitlens search "a dog on the grass"`` or ``bitlens search dog.jpg``: asks the running service and shows what it found.

Decides the arguments and who gets what: people a table, with pictures where the terminal can; pipes a line a hit; machines JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.arguments import ApiKeyOption, UrlOption
from model.command_line import AsJson, for_people

if TYPE_CHECKING:
    from app.client import Bounds, Client, SearchOut
    from app.searching import Lacking

_KINDS = {"image": "pictures", "text": "texts"}
_Query = Annotated[str, typer.Argument(metavar="TEXT|PICTURE", help="Words, or the path or address of a picture.")]
_Target = Annotated[
    Literal["image", "text"] | None,
    typer.Option(help="What hits are compared by; by default the other one than was asked with, if it is indexed."),
]
_Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", metavar="FIELD=VALUE", help="Only items whose payload has it, or matches JSON; all of them must hold."
    ),
]
_K = Annotated[int, typer.Option("-k", metavar="N", min=1, help="At most so many hits.")]
_MaxDistance = Annotated[int | None, typer.Option(metavar="BITS", min=0, help="Only hits that differ in at most so many bits.")]
_MinPrecision = Annotated[
    float | None, typer.Option(metavar="P", min=0, max=1, help="Only hits that are expected to be right this often, 0 to 1.")
]
_MinFamiliarity = Annotated[
    float | None,
    typer.Option(metavar="F", min=0, max=1, help="No hits if the query is less familiar to the bundle than so, 0 to 1."),
]
_Pictures = Annotated[bool, typer.Option("--pictures/--no-pictures", help="Show the hits' pictures where the terminal can.")]


def search(
    query: _Query,
    *,
    k: _K = 10,
    target: _Target = None,
    max_distance: _MaxDistance = None,
    min_precision: _MinPrecision = None,
    min_familiarity: _MinFamiliarity = None,
    filters: _Filters = None,
    pictures: _Pictures = True,
    url: UrlOption = "http://127.0.0.1:8000",
    api_key: ApiKeyOption = None,
    as_json: AsJson = False,
) -> None:
    """Searches a running service by words or by a picture."""
    from app.asking import address_of, service_at
    from app.client import Client, Retries
    from app.searching import find_where_items_are, is_strange, read_filters, without_chances

    bounds: Bounds = {"k": k, "target": target, "max_distance": max_distance, "min_precision": min_precision}
    bounds["min_familiarity"] = min_familiarity
    bounds["filter"] = read_filters(filters or ())
    address = address_of(url)
    with service_at(address, Client(address, api_key=api_key, retries=Retries(n_tries=2))) as client:
        found, lacking = find_where_items_are(client, query, bounds)
        if lacking:
            sys.stderr.write(_told(lacking))
        if as_json:
            sys.stdout.write(json.dumps(found) + "\n")
            return
        if found["hits"] and is_strange(found):
            sys.stderr.write("nothing like this was in what the bundle learnt from: hits may be unrelated, no chance can be told\n")
            found = without_chances(found)
        _show(client, found, pictures=pictures)
    if not found["hits"] and (lacking is None or lacking.is_instead):
        sys.stderr.write(_why_nothing(found))


def _show(client: Client, found: SearchOut, *, pictures: bool) -> None:
    if for_people(as_json=False):
        from app.hit_view import show

        show(client, found, environment=os.environ if pictures else {})
    else:
        from app.hit_lines import lines

        sys.stdout.write(lines(found))


def _told(lacking: Lacking) -> str:
    if lacking.other is None:
        return "nothing is indexed yet: 'bitlens ingest FOLDER' does that\n"
    target, other = _KINDS[lacking.target], _KINDS[lacking.other]
    if lacking.is_instead:
        return f"no {target} are indexed: {other} are searched instead\n"
    return f"no {target} are indexed: with --target {lacking.other} the {other} are searched\n"


def _why_nothing(found: SearchOut) -> str:
    if found.get("no_match_reason") == "unfamiliar":  # a service that is older does not tell
        return "nothing like this was in what the bundle learnt from; with --min-familiarity 0 the nearest are shown\n"
    if found["no_match"]:
        return "nothing comes up to --min-precision; without it the nearest are shown\n"
    return "nothing was found within these bounds\n"
