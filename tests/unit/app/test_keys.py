import os

import pytest

from app.__main__ import main
from app.keys import FileOfKeys, Key, new_key, open_keys, parse_keys
from model.errors import ConfigError

READER, WRITER = new_key("reader", "read"), new_key("writer", "write")


def rewrite(path, *keys):
    """Writes a file of keys anew; its time is moved on, as two writes may fall into one tick of the clock."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text("# who may call\n\n" + "".join(f"{key}  # a comment\n" for key in keys))
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_fresh_key_is_found_by_its_secret_alone():
    (secret, key), other = READER, WRITER[1]
    keys = open_keys(f"{other},{key}", None)
    assert keys.find(secret) == key
    assert keys.find(secret + "x") is None
    assert keys.find(key.digest) is None
    assert keys.find("") is None


def test_two_fresh_keys_differ_and_are_long_enough_that_nobody_guesses_them():
    one, two = new_key("a", "read")[0], new_key("a", "read")[0]
    assert one != two
    assert len(one) >= 43


@pytest.mark.parametrize(("role", "may"), [("read", [1, 0, 0]), ("write", [1, 1, 0]), ("admin", [1, 1, 1])])
def test_a_role_includes_those_before_it(role, may):
    assert [Key("a", role, "").may(needed) for needed in ("read", "write", "admin")] == may


def test_without_keys_there_are_none():
    assert open_keys(None, None) is None


def test_a_file_and_the_environment_are_taken_together(tmp_path):
    rewrite(tmp_path / "keys", READER[1])
    keys = open_keys(str(WRITER[1]), tmp_path / "keys")
    assert [keys.find(secret).name for secret in (READER[0], WRITER[0])] == ["reader", "writer"]


def test_a_key_that_is_taken_out_of_the_file_is_revoked_at_once(tmp_path):
    path = tmp_path / "keys"
    rewrite(path, READER[1], WRITER[1])
    keys = FileOfKeys(path)
    rewrite(path, WRITER[1])
    assert keys.find(READER[0]) is None
    assert keys.find(WRITER[0]) == WRITER[1]


def test_a_file_that_vanishes_lets_nobody_in_and_is_read_again_when_it_is_back(tmp_path, caplog):
    path = tmp_path / "keys"
    rewrite(path, READER[1])
    keys = FileOfKeys(path)
    path.unlink()
    assert keys.find(READER[0]) is None
    rewrite(path, READER[1])
    assert keys.find(READER[0]) == READER[1]
    assert "no key of the file is valid" in caplog.text


def test_a_line_broken_later_lets_nobody_in_and_the_others_still_count(tmp_path, caplog):
    path = tmp_path / "keys"
    rewrite(path, READER[1])
    keys = FileOfKeys(path)
    rewrite(path, "secret-nonsense", READER[1])
    assert keys.find(READER[0]) == READER[1]
    assert "a key is left out" in caplog.text
    assert "secret-nonsense" not in caplog.text


@pytest.mark.parametrize(
    "line", ["x", "a:read", "a:boss:" + "0" * 64, "a:read:short", "a b:read:" + "0" * 64, "a:read:" + "0" * 64 + ":x"]
)
def test_a_line_that_is_no_key_is_told_by_its_number_and_never_by_its_content(line):
    with pytest.raises(ConfigError) as caught:
        parse_keys(f"# fine\n{WRITER[1]}\n{line}\n", "the file")
    assert caught.value.mistakes[0].startswith("the file: key 3 is not written as")
    assert "0000" not in str(caught.value)


def test_a_name_used_twice_and_a_file_that_is_not_there_are_mistakes(tmp_path):
    with pytest.raises(ConfigError, match="two keys have the name 'reader'"):
        open_keys(f"{READER[1]},{new_key('reader', 'admin')[1]}", None)
    with pytest.raises(ConfigError, match="BITLENS_KEYS_FILE"):
        open_keys(None, tmp_path / "none")


def test_the_command_prints_a_key_once_and_its_line_for_the_file(capsys):
    assert main(["key", "new", "--role", "write", "--name", "shop"]) == 0
    out, err = capsys.readouterr()
    found = open_keys(err.splitlines()[-1], None).find(out.strip())
    assert (found.name, found.role) == ("shop", "write")
    assert out.strip() not in err


def test_the_command_refuses_a_name_that_logs_could_not_tell_apart(capsys):
    assert main(["key", "new", "--role", "read", "--name", "a b"]) == 2
    assert "a key's name" in capsys.readouterr().err
