from pathlib import Path

import pytest

from app.__main__ import main
from app.keys import open_keys
from app.settings import Settings, load_settings
from app.settings_page import descriptions, page
from model.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_has_to_be_set():
    settings = load_settings()
    assert (settings.host, settings.port, settings.redis_url) == ("127.0.0.1", 8000, None)
    assert settings.data_dir == Path("data/service")
    assert settings.bundle.parts[-2:] == ("bundles", "photos-64")


def test_the_environment_is_read_under_its_documented_names(monkeypatch):
    for name, value in {"BITLENS_MAX_K": "7", "BITLENS_BUNDLE": "/b", "BITLENS_LOG_LEVEL": "WARNING"}.items():
        monkeypatch.setenv(name, value)
    for name, value in {"REDIS_URL": "redis://cache:6379/0", "HOST": "0.0.0.0", "PORT": "9000"}.items():  # noqa: S104
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.max_k, settings.bundle, settings.log_level) == (7, Path("/b"), "warning")
    assert (settings.redis_url, settings.host, settings.port) == ("redis://cache:6379/0", "0.0.0.0", 9000)  # noqa: S104


def test_what_is_given_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("BITLENS_DATA_DIR", "/elsewhere")
    settings = load_settings(port="9001", data_dir=Path("here"), bundle=None)
    assert (settings.port, settings.data_dir) == (9001, Path("here"))


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("PORT", "")
    assert load_settings().redis_url is None


def test_every_mistake_is_told_at_once_with_its_variable(monkeypatch):
    wrong = {"BITLENS_MAX_K": "many", "PORT": "70000", "REDIS_URL": "http://cache", "BITLENS_LOG_LEVEL": "loud"}
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert sorted(mistake.split(":")[0] for mistake in caught.value.mistakes) == sorted(wrong)


def mistakes():
    with pytest.raises(ConfigError) as caught:
        load_settings()
    return list(caught.value.mistakes)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("BITLENS_MAX_IMAGES_BYTES", "BITLENS_MAX_IMAGES_BYTES: there is no such setting; is BITLENS_MAX_IMAGE_BYTES meant?"),
        ("BITLENS_XYZZY", "BITLENS_XYZZY: there is no such setting"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(monkeypatch, name, told):
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("BITLENS_MAX_K", "0")
    assert mistakes()[0] == told
    assert len(mistakes()) == 2


def test_variables_of_the_other_commands_and_of_other_programs_are_no_mistake(monkeypatch):
    monkeypatch.setenv("BITLENS_CACHE_DIR", "/cache")
    monkeypatch.setenv("BITLENSE", "x")
    monkeypatch.setenv("BITLENS_XYZZY", "")
    assert load_settings().max_k == 1000


def test_a_value_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("redis://:secret@cache:6379/0\n")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    assert load_settings().redis_url == "redis://:secret@cache:6379/0"
    assert load_settings(redis_url="redis://other").redis_url == "redis://other"


def test_a_value_and_its_file_together_or_a_file_that_is_not_there_are_mistakes(monkeypatch, tmp_path):
    monkeypatch.setenv("REDIS_URL", "redis://a")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("BITLENS_MAX_K_FILE", str(tmp_path / "none"))
    assert mistakes() == [
        "REDIS_URL_FILE: REDIS_URL is set as well",
        "BITLENS_MAX_K_FILE: the file cannot be read: No such file or directory",
    ]


def test_empty_keys_are_no_keys_and_take_nothing_from_a_file_of_keys(monkeypatch, tmp_path):
    (tmp_path / "keys").write_text("")
    monkeypatch.setenv("BITLENS_KEYS", "")
    assert load_settings().keys is None
    monkeypatch.setenv("BITLENS_KEYS_FILE", str(tmp_path / "keys"))
    settings = load_settings()
    keys = open_keys(settings.keys, settings.keys_file)
    assert keys is not None  # an empty file lets nobody in, instead of everybody
    assert keys.find("anything") is None


def test_the_file_of_keys_is_a_setting_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("BITLENS_KEYS_FILE", str(tmp_path / "keys"))
    assert (load_settings().keys, load_settings().keys_file) == (None, tmp_path / "keys")


def test_every_setting_is_described_and_the_page_is_current():
    told = descriptions()
    assert told.keys() == Settings.model_fields.keys()
    assert all(told.values())
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()  # python -m app settings --markdown


def test_what_is_in_use_is_printed_without_secrets(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "rediss://user:hidden@cache:6379/0?password=hidden")
    monkeypatch.setenv("BITLENS_KEYS", "shop:read:hidden")
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert "REDIS_URL=rediss://cache:6379/0\n" in printed
    assert "BITLENS_KEYS=(set)\n" in printed
    assert "BITLENS_MAX_K=1000\n" in printed
    assert "hidden" not in printed


def test_where_commands_find_a_service_is_no_mistake_in_its_settings(monkeypatch):
    monkeypatch.setenv("BITLENS_URL", "http://shop")
    monkeypatch.setenv("BITLENS_API_KEY", "secret")
    load_settings()
