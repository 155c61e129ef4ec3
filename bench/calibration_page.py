"""The measured part of ``docs/calibration.md``: tables, and reliability diagrams as SVG files beside it.

Decides what is shown of a measurement. Does not measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from bench.reliability_svg import reliability_svg
from model.errors import ConfigError
from training.checkpoint import write_bytes

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_FITS = "python -m bench.calibration --runs DIR --data DIR --out FILE"
_SETTINGS = ("new items", "own base rate", "given labels", "database", "mixed")
_AIM, _SLACK = 0.03, 0.02
Line = Mapping[str, Any]


def write_page(lines: Sequence[Line], page: Path) -> None:
    """Replaces the measured part of a page.

    Args:
        lines: A measurement a run, all of the same fit; those without validation pairs have no settings.
        page: Holds both marks; diagrams go into ``images`` beside it.

    Raises:
        ConfigError: If the page lacks a mark, nothing was measured, or lines are of different fits.
    """
    if len({line.get("fit") for line in lines}) > 1:
        raise ConfigError([f"some runs were measured with another version of the fit; `{_FITS}` measures them anew"])
    measured = [line for line in lines if line["settings"]]
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text or not measured:
        raise ConfigError([f"{page}: lacks {BEGIN} … {END}, or nothing was measured"])
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    images = page.parent / "images"
    images.mkdir(exist_ok=True)
    drawn = "\n\n".join(_draw(line, images) for line in measured if _is_drawn(line))
    parts = [_heading(lines, measured), _settings(measured), _methods(measured), _who_misses(measured), _promises(measured), drawn]
    write_bytes(page, (before + BEGIN + "\n" + "\n\n".join(part for part in parts if part) + "\n" + END + after).encode())


def _heading(lines: Sequence[Line], measured: Sequence[Line]) -> str:
    without = len(lines) - len(measured)
    omitted = f"; {without} others have no validation pairs, as the query split chose their epoch" if without else ""
    return f"{len(measured)} runs on {measured[0]['data']}, four directions each{omitted}."


def _settings(measured: Sequence[Line]) -> str:
    rows = []
    for name in _SETTINGS:
        found = list(_directions(measured, name))
        if not found:
            continue
        errors = [each["ece"] for each in found]
        reached = sum(error <= _AIM for error in errors) / len(errors)
        by_promise, first = (fmean(each[kind] for each in found) for kind in ("ece_by_promise", "ece_first"))
        of_all = [line for line in measured if name in line["settings"]]
        whole = [f"{sum(_keeps(line, kind, name) for line in of_all)} of {len(of_all)}" for kind in ("ece", "ece_by_promise")]
        cells = (
            f"{fmean(errors):.4f} | {max(errors):.4f} | {reached:.1%} | {whole[0]} | {by_promise:.4f} | {whole[1]} | {first:.3f}"
        )
        rows.append(f"| {name} | {cells} |")
    four = f"runs with all four ≤ {_AIM}"
    head = f"| setting | ECE, mean | largest | ≤ {_AIM} | {four} | by promise, mean | {four} | of first ten hits |"
    return _table(head, rows)


def _keeps(line: Line, kind: str, setting: str = "new items") -> bool:
    return all(each[kind] <= _AIM for each in line["settings"][setting].values())


def _who_misses(measured: Sequence[Line]) -> str:
    """A line for each method and noise rate with a run that misses in some direction, and whether a falling curve could keep it."""
    rows = []
    for method, noise in sorted({(line["method"], line["noise"]) for line in measured}):
        runs = [line for line in measured if (line["method"], line["noise"]) == (method, noise)]
        missing = [line for line in runs if not _keeps(line, "ece")]
        if not missing:
            continue
        counts = [sum(not _keeps(line, kind) for line in missing) for kind in ("ece_least", "ece_by_promise")]
        named = sorted({(line["bits"], line["seed"]) for line in missing})
        places = ", ".join(
            f"{bits} ({', '.join(str(s) for b, s in named if b == bits)})" for bits in dict.fromkeys(b for b, _ in named)
        )
        rows.append(f"| {method} | {noise:g} | {len(missing)} of {len(runs)} | {counts[0]} | {counts[1]} | {places} |")
    return _table("| who misses | noise | runs | no falling curve keeps it | by promise too | bits (seeds) |", rows) if rows else ""


def _methods(measured: Sequence[Line]) -> str:
    rates = sorted({line["noise"] for line in measured})
    rows = []
    for method in sorted({line["method"] for line in measured}):
        cells = [_cell([line for line in measured if (line["method"], line["noise"]) == (method, rate)]) for rate in rates]
        rows.append(f"| {method} | {' | '.join(cells)} |")
    head = f"| `new items`, ECE mean (largest) | {' | '.join(f'noise {rate:g}' for rate in rates)} |"
    return _table(head, rows)


def _cell(lines: Sequence[Line]) -> str:
    errors = [each["ece"] for each in _directions(lines, "new items")]
    return f"{fmean(errors):.3f} ({max(errors):.3f})" if errors else ""


def _promises(measured: Sequence[Line]) -> str:
    rows = []
    for place, wanted in enumerate(_wanted(measured)):
        for setting in ("new items", "database"):
            found = [each["promises"][place] for each in _directions(measured, setting)]
            given = [each for each in found if each["precision"] is not None]
            if not given:
                continue
            kept = sum(each["precision"] >= wanted - _SLACK for each in given)
            kept_first = sum(each["precision_first"] >= wanted - _SLACK for each in given)
            worst = min(given, key=lambda each: each["precision"])
            cells = [
                f"{kept} of {len(given)}",
                f"{worst['precision']:.3f} ({worst['n_hits']} hits)",
                f"{kept_first} of {len(given)}",
            ]
            answered = median(each["share_answered"] for each in found)
            rows.append(f"| {wanted:g} | {setting} | {' | '.join(cells)} | {answered:.1%} |")
    head = (
        f"| `min_precision` p | setting | measured ≥ p − {_SLACK} | lowest | first ten ≥ p − {_SLACK} | queries answered, median |"
    )
    return _table(head, rows)


def _wanted(measured: Sequence[Line]) -> list[float]:
    first = next(iter(measured[0]["settings"]["new items"].values()))
    return [each["wanted"] for each in first["promises"]]


def _directions(lines: Iterable[Line], setting: str) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield from line["settings"].get(setting, {}).values()


def _is_drawn(line: Line) -> bool:
    return line["noise"] in (0.0, 0.5) and any(each["curve"] for each in line["settings"]["new items"].values())


def _draw(line: Line, images: Path) -> str:
    name = f"reliability-{line['method']}-{line['bits']}-noise{line['noise']:g}.svg"
    panels = {
        f"{pair.replace('-', ' → ')}, ECE {found['ece']:.3f}": found["curve"]
        for pair, found in line["settings"]["new items"].items()
    }
    write_bytes(images / name, reliability_svg(panels).encode())
    words = f"{line['method']}, {line['bits']} bits, noise {line['noise']:g}, seed {line['seed']}"
    caption = f"*{words}, `new items`: what was promised (across) and what was measured (up); a dot a distance.*"
    return f"![Reliability of {words}](images/{name})\n{caption}"


def _table(head: str, rows: Sequence[str]) -> str:
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])
