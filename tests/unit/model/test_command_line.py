import io
import sys
from typing import Annotated

import pytest
import typer

from model.command_line import AsJson, for_people, make_cli, program_name, run


class Terminal(io.StringIO):
    """Standard output as a person has it."""

    def isatty(self) -> bool:
        return True


def greet(
    name: str, *, times: Annotated[int, typer.Option(min=1)] = 1, shouting: bool = False, as_json: AsJson = False
) -> tuple[str, int]:
    """Greets. Loudly, if asked."""
    return (name.upper() if shouting else name), times


def part() -> None:
    """Says goodbye."""
    raise KeyboardInterrupt


def cli(program="hello"):
    made = make_cli("Greets and parts.", program)
    made.command()(greet)
    made.command()(part)
    return made


def slip(capsys, *words):
    """Runs what must be refused; returns what is said of it."""
    with pytest.raises(SystemExit) as ended:
        run(cli(), words, "hello", prefix="hello")
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_a_command_returns_what_its_function_does():
    assert run(cli(), ["greet", "Ann", "--times", "2", "--shouting"], "hello", prefix="hello") == ("ANN", 2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gret"], "no such command 'gret': did you mean 'greet'?"),
        (["sing"], "no such command 'sing'; 'hello --help' tells more"),
        (["greet", "Ann", "--tims", "2"], "no such option: --tims: did you mean --times?"),
        (["greet"], "missing argument 'name'; 'hello greet --help' tells more"),
        (
            ["greet", "Ann", "--times", "0"],
            "invalid value for '--times': Input should be greater than or equal to 1; 'hello greet --help'",
        ),
    ],
)
def test_a_slip_is_told_in_one_line_below_the_usage_with_the_next_step(capsys, words, told):
    usage, line = slip(capsys, *words).splitlines()
    assert usage.startswith("usage: hello ")
    assert line.startswith(f"hello: {told}")


def test_without_words_the_help_is_what_is_told(capsys):
    told = slip(capsys)
    assert told.startswith("Usage: hello [OPTIONS] COMMAND")
    assert "greet  Greets." in told


def test_an_interrupt_has_the_status_of_one():
    assert run(cli(), ["part"], "hello", prefix="hello") == 130


def test_help_is_plain_in_a_pipe_and_drawn_at_a_terminal(capsys, monkeypatch):
    assert run(cli(), ["greet", "-h"], "hello", prefix="hello") == 0
    plain = capsys.readouterr().out
    assert "--times" in plain
    assert "─" not in plain
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert run(cli(), ["greet", "-h"], "hello", prefix="hello") == 0
    assert "─" in sys.stdout.getvalue()


def test_people_are_who_sits_at_a_terminal_and_wants_no_json(monkeypatch):
    assert not for_people(as_json=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert for_people(as_json=False)
    assert not for_people(as_json=True)


@pytest.mark.parametrize(("started", "name"), [("/bin/hello", "hello"), ("hello.exe", "hello"), ("greet.py", "python -m greet")])
def test_a_program_knows_how_it_was_called(monkeypatch, started, name):
    monkeypatch.setattr(sys, "argv", [started])
    assert program_name("hello", "python -m greet") == name


def test_a_shell_is_offered_commands_options_and_only_for_an_installed_program(capsys, monkeypatch):
    monkeypatch.setenv("_HELLO_COMPLETE", "complete_bash")
    for words, offered in {"hello g": "greet", "hello greet --ti": "--times"}.items():
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        with pytest.raises(SystemExit) as ended:
            run(cli(), [], "hello", prefix="hello")
        assert ended.value.code == 0
        assert capsys.readouterr().out.split() == [offered]
    monkeypatch.delenv("_HELLO_COMPLETE")
    assert "--install-completion" not in slip_help(capsys, "python -m hello")
    assert "--install-completion" in slip_help(capsys, "hello")


def slip_help(capsys, program):
    assert run(cli(program), ["--help"], program, prefix="hello") == 0
    return capsys.readouterr().out
