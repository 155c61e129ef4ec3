"""What a sweep tries, and when it ends.

Decides how a trial's settings become configurations. Does not know how trials are run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from training.config import RunConfig, make_config
from training.sweep_space import Space


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What is tried.

    Attributes:
        base: The configuration that is varied.
        spaces: The settings that are varied.
        seeds: Each decides noise, validation cut and initialisation of a run; a trial's value is the mean over them. Empty: the
            configuration's own, one run a trial.
    """

    base: RunConfig
    spaces: tuple[Space, ...]
    seeds: tuple[int, ...] = ()

    def config(self, params: Mapping[str, Any], *overrides: str) -> RunConfig:
        """Returns the configuration of a trial.

        Args:
            params: Of the trial, by ``section.key``.
            *overrides: ``section.key=value`` each, laid over them.

        Returns:
            With the base's own seeds unless overridden.
        """
        values = [f"{space.key}={space.to_toml(params[space.key])}" for space in self.spaces]
        return make_config(self.base.model_dump(), [*values, *overrides])

    def configs(self, params: Mapping[str, Any]) -> list[RunConfig]:
        """Returns the configurations of a trial's runs, a seed each.

        Args:
            params: Of the trial, by ``section.key``.

        Returns:
            In order of the seeds.
        """
        if not self.seeds:
            return [self.config(params)]
        return [self.config(params, f"training.seed={seed}", f"noise.seed={seed}") for seed in self.seeds]

    def facts(self) -> dict[str, Any]:
        """Returns what must be the same when the sweep is taken up again; JSON-able."""
        return {"base": self.base.model_dump(), "spaces": [asdict(space) for space in self.spaces], "seeds": list(self.seeds)}


@dataclass(frozen=True, slots=True)
class Limits:
    """When a sweep ends.

    Attributes:
        n_trials: Trials in all, those of earlier calls included.
        timeout_s: Seconds after which this call stops, in the middle of a trial if need be.
        clock: Gives seconds.
    """

    n_trials: int
    timeout_s: float = math.inf
    clock: Callable[[], float] = time.monotonic
