"""The real service over the real catalogue, index and pictures, with encoders that need no weights.

python -m tests.e2e.fake_server --port 8000 --data-dir DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

from app.assembly import start_services
from app.logs import set_up_logging
from app.main import create_app
from app.server import bind, run
from tests.builders import real_parts, settings_for


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    given = parser.parse_args()
    settings = settings_for(given.data_dir, port=given.port)
    set_up_logging(settings.log_level)
    with bind("127.0.0.1", settings.port) as bound:
        services = start_services(real_parts(given.data_dir), settings)
        run(create_app(settings, services=services), bound)


if __name__ == "__main__":
    main()
