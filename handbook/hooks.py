"""What MkDocs does not do by itself to pages that are written for the repository's web view.

Decides where sources are shown that pages link to, and that a list or table needs no blank line before it. Does not know what pages
say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<=\]\()(\.\.?/[^)#\s]+)")
_FENCE = re.compile(r" *(```|~~~)")
_LIST_OR_TABLE = re.compile(r"[-*+] |\d+\. |\|")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts every decision into the navigation, in order.

    Args:
        config: The site's; changed in place.

    Returns:
        The same.
    """
    docs = Path(config.docs_dir)
    chapter = next(entry for entry in config.nav or [] if "Decisions" in entry)
    chapter["Decisions"] += sorted(path.relative_to(docs).as_posix() for path in docs.glob("decisions/[0-9]*.md"))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each file outside of ``docs`` that a page links to, so that the link holds without a network, too.

    Args:
        files: The site's; changed in place.
        config: The site's.

    Returns:
        The same.
    """
    docs = Path(config.docs_dir)
    places = {place for file in files.documentation_pages() for _, place in links_out(file.content_string, file.src_uri, docs)}
    for place in sorted(places):
        files.append(File.generated(config, f"source/{place}.md", content=source_page(place, docs.parent / place)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links out of ``docs`` to the pages made of what they lead to, and sets lists and tables apart from what is above them.

    Args:
        markdown: As it is written.
        page: Whose it is.
        config: The site's.
        files: The site's.

    Returns:
        The Markdown to render.
    """
    del files
    here = page.file.src_uri
    for link, place in links_out(markdown, here, Path(config.docs_dir)):
        markdown = markdown.replace(f"]({link}", f"]({os.path.relpath(f'source/{place}.md', Path(here).parent)}")
    return set_apart(markdown)


def links_out(markdown: str, here: str, docs: Path) -> Iterator[tuple[str, str]]:
    """Yields links that lead out of the folder of pages to a file of the repository.

    Args:
        markdown: A page.
        here: Its place below ``docs``.
        docs: The folder of pages, which lies in the repository's root.

    Yields:
        Each link as it is written, and the file's place in the repository.
    """
    for link in set(_LINK.findall(markdown)):
        place = Path(os.path.normpath(docs / Path(here).parent / link))
        if not place.is_relative_to(docs) and place.is_file():
            yield link, place.relative_to(docs.parent).as_posix()


def source_page(place: str, path: Path) -> str:
    """Returns a page that shows a file: Markdown as such, without its links, anything else as code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return re.sub(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", text)
    return f"# {place}\n\n````{path.suffix[1:]}\n{text}````\n"


def set_apart(markdown: str) -> str:
    """Returns Markdown with a blank line before each list and table, which Python-Markdown asks for and CommonMark does not."""
    lines: list[str] = []
    is_code = False
    for line in markdown.split("\n"):
        before = lines[-1] if lines else ""
        begins = _LIST_OR_TABLE.match(line) and before and not before.startswith(" ") and not _LIST_OR_TABLE.match(before)
        if begins and not is_code:
            lines.append("")
        is_code ^= bool(_FENCE.match(line))
        lines.append(line)
    return "\n".join(lines)
