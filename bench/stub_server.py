"""The real service whose encoders cost next to nothing: what is left is the service's own cost.

    python -m bench.stub_server --data-dir DIR

It is configured like ``python -m app serve`` and needs a bundle for its name and its code length.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.assembly import start_services
from app.logs import set_up_logging
from app.main import create_app, open_parts
from app.server import Stop, bind, run
from app.settings import load_settings
from model.codes import Float32


class StubEncoder:
    """Gives each text or picture a code drawn from a digest of it.

    Args:
        n_bits: Bits of a code, at most 512.
    """

    def __init__(self, n_bits: int) -> None:
        self.n_bits = n_bits

    def prepare(self, raw: Any) -> bytes:
        """Returns what tells one input from others: a text's bytes, or some of a picture's pixels."""
        return raw.encode() if isinstance(raw, str) else raw.resize((8, 8)).tobytes()

    def encode(self, prepared: Sequence[bytes]) -> Float32:
        """Returns (N, n_bits) float32 of −1 and 1."""
        digests = b"".join(hashlib.blake2b(one, digest_size=self.n_bits // 8).digest() for one in prepared)
        bits = np.unpackbits(np.frombuffer(digests, np.uint8).reshape(len(prepared), -1), axis=1)
        return bits.astype(np.float32) * 2 - 1

    def encode_with_features(self, prepared: Sequence[bytes]) -> tuple[Float32, Float32]:
        """Returns the same twice; the features stand for nothing."""
        relaxed_codes = self.encode(prepared)
        return relaxed_codes, relaxed_codes


def main() -> None:
    """Serves until a signal stops it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    settings = load_settings(data_dir=parser.parse_args().data_dir, port=0)
    set_up_logging(settings.log_level)
    with bind("127.0.0.1", settings.port) as bound:
        parts = open_parts(settings)
        calibration = parts.calibration and replace(parts.calibration, familiarity={})  # it is of features that there are none of
        encoders = {modality: StubEncoder(parts.n_bits) for modality in parts.encoders}
        parts = replace(parts, encoders=encoders, calibration=calibration)
        services = start_services(parts, settings)
        run(create_app(settings, services=services), bound, Stop(services.life.stop))


if __name__ == "__main__":
    main()
