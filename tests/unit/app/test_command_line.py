import io
import json
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from app.__main__ import main
from app.data_dir import DataDir
from app.server import bind


@pytest.fixture
def bundle(tmp_path):
    """A folder that is there; what is in it is looked at last."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    return folder


def complaint(capsys, *arguments, status=1):
    """Runs a command that must fail and returns the one line it prints."""
    assert main(["serve", "--port", "0", *map(str, arguments)]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_mistakes_in_the_settings_are_told_together(capsys, monkeypatch):
    monkeypatch.setenv("BITLENS_MAX_K", "0")
    line = complaint(capsys, "--port", "http", status=2)
    assert "BITLENS_MAX_K" in line
    assert "--port: " in line


def test_a_bundle_that_is_not_there_is_told(capsys, tmp_path):
    assert "there is no bundle at" in complaint(capsys, "--bundle", tmp_path / "none", "--data-dir", tmp_path)


def test_a_port_that_is_taken_is_told(capsys, tmp_path, bundle):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = complaint(capsys, "--port", port, "--bundle", bundle, "--data-dir", tmp_path / "data")
    assert f"cannot listen on 127.0.0.1:{port}" in line


def test_an_address_that_is_none_is_told(capsys, bundle):
    assert "cannot listen on 203.0.113.1:0" in complaint(capsys, "--host", "203.0.113.1", "--bundle", bundle)


def test_a_data_folder_in_use_is_told(capsys, tmp_path, bundle):
    held = DataDir(tmp_path / "data")
    assert "in use by another process" in complaint(capsys, "--bundle", bundle, "--data-dir", tmp_path / "data")
    held.close()


def test_a_data_folder_that_cannot_be_made_is_told(capsys, tmp_path, bundle):
    (tmp_path / "file").write_text("no folder")
    assert "cannot be written" in complaint(capsys, "--bundle", bundle, "--data-dir", tmp_path / "file" / "data")


def test_a_bundle_without_content_is_told_and_frees_the_data_folder(capsys, tmp_path, bundle):
    assert "config.json" in complaint(capsys, "--bundle", bundle, "--data-dir", tmp_path / "data")
    DataDir(tmp_path / "data").close()


@pytest.mark.parametrize("arguments", [[], ["sing"], ["serve", "--colour"]])
def test_a_command_that_is_none_is_told_how_to_ask(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m app" in capsys.readouterr().err.replace("Usage", "usage")


def test_a_bound_address_refuses_connections_until_someone_listens():
    with bind("127.0.0.1", 0) as bound, socket.socket() as client:
        assert client.connect_ex(bound.getsockname()) != 0


def test_without_keys_other_machines_are_not_served_unless_that_is_allowed(capsys, tmp_path, bundle, monkeypatch):
    options = ("--host", "0.0.0.0", "--bundle", bundle, "--data-dir", tmp_path / "data")  # noqa: S104
    assert "BITLENS_ALLOW_OPEN" in complaint(capsys, *options, status=2)
    monkeypatch.setenv("BITLENS_ALLOW_OPEN", "true")
    assert "config.json" in complaint(capsys, *options)
    monkeypatch.setenv("BITLENS_ALLOW_OPEN", "false")
    monkeypatch.setenv("BITLENS_KEYS", "shop:write:" + "0" * 64)
    assert "config.json" in complaint(capsys, *options)


def test_settings_are_json_for_machines_lines_for_a_shell_and_a_table_for_people(capsys, monkeypatch):
    assert main(["settings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["PORT"] == "8000"
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["settings"]) == 0
    assert "PORT=" not in terminal.getvalue()
    assert "PORT" in terminal.getvalue()


def test_a_key_is_json_for_machines(capsys):
    assert main(["key", "new", "--role", "read", "--name", "shop", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["line"].startswith("shop:read:")
    assert made["key"] not in made["line"]


def test_a_service_that_is_not_there_is_told_with_the_next_step(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"127.0.0.1:{taken.getsockname()[1]}"
    assert main(["search", "a dog", "--url", url]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"no service answers at http://{url} " in err
    assert "start one with 'bitlens serve'" in err


def test_mistakes_in_a_search_are_told_together_before_anything_is_asked(capsys):
    assert main(["search", "a dog", "--filter", "album", "--filter", "{"]) == 2
    told = capsys.readouterr().err
    assert "--filter album: expected FIELD=VALUE" in told
    assert "--filter {: is no JSON" in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_the_output_is_told_in_a_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app", "settings"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "bitlens: what is printed cannot be written: No space left on device\n")


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{version('bitlens')}\n"
