"""The real service over the real catalogue, index and pictures, with encoders that need no weights.

python -m tests.e2e.fake_server --port 8000 --data-dir DIR
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.assembly import start_services
from app.cache.redis_cache import RedisCodeCache
from app.logs import set_up_logging
from app.main import create_app
from app.server import Stop, bind, run
from model.calibration import Calibration
from tests.builders import N_BITS, FakeTextEncoder, real_parts, settings_for, two_worlds, whole_calibration


class Gated(FakeTextEncoder):
    """Waits before it prepares certain texts, for tests that must know that a request is under way."""

    def __init__(self, gate: Path) -> None:
        super().__init__()
        self._gate = gate

    def prepare(self, raw: Any) -> str:
        if "gated" in raw:
            self._gate.read_bytes()
        return super().prepare(raw)


def _calibration() -> Calibration:
    return replace(whole_calibration(), familiarity={"image": two_worlds(), "text": two_worlds()})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--gate", type=Path, help="a FIFO: texts with the word 'gated' are prepared when its writer has closed it")
    parser.add_argument("--redis-url", help="a code cache; without it one in memory")
    parser.add_argument("--drain-s", type=float, default=0)
    parser.add_argument("--min-familiarity", type=float, default=0, help="what begins with 'strange' is below 0.02")
    given = parser.parse_args()
    settings = settings_for(given.data_dir, port=given.port, min_familiarity=given.min_familiarity)
    set_up_logging(settings.log_level)
    with bind("127.0.0.1", settings.port) as bound:
        cache = RedisCodeCache(given.redis_url, ttl_s=3600, n_bytes=N_BITS // 8) if given.redis_url else None
        parts = replace(real_parts(given.data_dir, cache=cache), calibration=_calibration())
        if given.gate:
            parts = replace(parts, encoders={**parts.encoders, "text": Gated(given.gate)})
        services = start_services(parts, settings)
        run(create_app(settings, services=services), bound, Stop(services.life.stop, given.drain_s))


if __name__ == "__main__":
    main()
