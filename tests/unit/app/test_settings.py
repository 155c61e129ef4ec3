from pathlib import Path

import pytest

from app.settings import load_settings
from model.errors import ConfigError


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
