"""Small bundles that the real command line serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_bundle import save_tiny_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny-64", 64)


@pytest.fixture(scope="session")
def another_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny-32", 32)
