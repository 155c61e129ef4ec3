"""The documentation builds, holds together and needs no network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handbook.http_page import PAGE, current, page

pytest.importorskip("mkdocs", reason="the docs extra is not installed")

from mkdocs.commands.build import build
from mkdocs.config import load_config

from handbook.hooks import links_out, set_apart, source_page

ROOT = PAGE.parents[1]
FETCHES = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?(https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as ``make docs`` does: whatever is amiss, such as a lost link or a page without its place, is an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        patch.chdir(ROOT)
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path_factory.mktemp("site")))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        config.plugins.on_shutdown()
    return Path(config.site_dir)


def test_every_page_is_built_and_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    written = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {name.replace("README", "index") for name in written} <= pages.keys()
    assert [name for name, text in pages.items() if FETCHES.search(text)] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert styles
    assert [text[:80] for text in styles if re.search(r"""(?:@import|url\()\s*["']?(?:https?:)?//""", text)] == []


def test_search_works_from_the_disk(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = ")
    assert "hamming" in index


def test_docstrings_are_in_the_page_on_python(site: Path) -> None:
    text = (site / "python.html").read_text(encoding="utf-8")
    assert "app.client.Client" in text
    assert "search_mix" in text
    assert "hamming_distances" in text


def test_a_source_that_a_page_links_to_is_shown(site: Path) -> None:
    assert "class Hero" in re.sub(r"<[^>]+>", "", (site / "source/training/methods/hero.py.html").read_text(encoding="utf-8"))


def test_the_page_of_operations_is_what_the_openapi_document_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(current())  # python -m handbook.http_page


def test_lists_and_tables_need_no_blank_line_before_them() -> None:
    assert set_apart("a\n- b\n  c\n- d\n| x |\n|---|") == "a\n\n- b\n  c\n- d\n| x |\n|---|"
    assert set_apart("a\n| x |\n|---|") == "a\n\n| x |\n|---|"
    assert set_apart("```\na\n- b\n```\nc\n1. d") == "```\na\n- b\n```\nc\n\n1. d"


def test_links_out_of_the_pages_are_told_from_links_among_them() -> None:
    text = "[a](method.md) [b](../README.md) [c](https://example.org) [d](../nowhere.py) [e](../training/config.py#L1)"
    assert sorted(links_out(text, "index.md", ROOT / "docs")) == [
        ("../README.md", "README.md"),
        ("../training/config.py", "training/config.py"),
    ]
    assert source_page("a.md", PAGE.parent / "decisions" / "README.md").count("](") == 0
