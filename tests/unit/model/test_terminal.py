import io

from rich.console import Console
from rich.text import Text

from model.terminal import print_markdown, print_table, printable


def shown(show, *arguments, **options):
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    show(*arguments, console=console, **options)
    return console.file.getvalue()


def test_a_table_has_heads_and_shows_values_as_they_are():
    text = shown(print_table, ("id", "what"), [("cat", "[red]no markup[/red]"), ("dog", Text("drawn"))], title="Hits")
    assert [line.split() for line in text.splitlines() if line.strip() and "─" not in line] == [
        ["Hits"],
        ["id", "what"],
        ["cat", "[red]no", "markup[/red]"],
        ["dog", "drawn"],
    ]


def test_a_table_may_have_no_heads_and_folds_what_is_too_wide():
    text = shown(print_table, ("", ""), [("path", "x" * 70)])
    assert text.count("x") == 70
    assert max(map(len, text.splitlines())) <= 60


def test_tables_of_markdown_are_drawn():
    text = shown(print_markdown, "# Figures\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "|" not in text
    assert "Figures" in text


def test_what_others_wrote_cannot_steer_a_terminal():
    assert printable("a\x1b[2Jdog\n\ton\u202e grass é 犬\x07") == "a [2Jdog on grass é 犬"
