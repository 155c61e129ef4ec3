"""Settings hold for a run and no longer; what the machine cannot do is refused by name."""

from __future__ import annotations

import pytest
import torch

from model.errors import ConfigError
from tests.training_fixtures import small_config
from training.compute import make_accelerator, torch_settings


@pytest.mark.parametrize(("precision", "products"), [("float32", "highest"), ("medium", "medium"), ("bfloat16", "highest")])
def test_threads_and_products_are_set_for_a_while_and_given_back(precision: str, products: str) -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with torch_settings(small_config(f"training.precision={precision}", "training.threads=3").training):
        assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (3, products)
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_settings_are_given_back_after_an_error() -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with pytest.raises(KeyError), torch_settings(small_config("training.precision=medium", "training.threads=3").training):
        raise KeyError
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_runs_of_different_precision_may_follow_one_another() -> None:
    found = [make_accelerator(small_config(f"training.precision={p}").training) for p in ("float32", "bfloat16", "medium")]
    assert found[-1].mixed_precision == "no"
    assert make_accelerator(small_config("training.precision=bfloat16", "training.device=cpu").training).mixed_precision == "bf16"


def test_float16_is_refused_on_a_cpu_with_what_to_take_instead() -> None:
    with pytest.raises(ConfigError, match=r"training\.precision: float16 needs a GPU; on a CPU take bfloat16 or medium"):
        make_accelerator(small_config("training.precision=float16", "training.device=cpu").training)


def test_processes_that_a_launcher_started_but_that_cannot_meet_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would train, and write, for itself."""
    options = small_config("training.device=cpu").training
    monkeypatch.setenv("WORLD_SIZE", "0")
    with pytest.raises(ConfigError, match=r"training\.device: cpu cannot train in several processes"):
        make_accelerator(options)
