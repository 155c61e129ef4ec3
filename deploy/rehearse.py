"""Starts the service as it is installed, searches, stops it: an image that cannot answer is not built.

    python rehearse.py BUNDLE

What is imported on the way is compiled on the way, and nothing else is. ``multi`` has the loops of the index compiled as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.request

_READY = "Bitlens is ready at "
_QUERY = b'{"query": "a dog on the grass", "k": 1, "target": "text"}'
_ITEM = b'{"items": [{"id": "rehearsal", "text": "a dog on the grass"}]}'


def _post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return bytes(answer.read())


def main(bundle: str) -> int:
    """Rehearses.

    Args:
        bundle: Its folder.

    Returns:
        Exit status; 0 if the item was found.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"BITLENS_INDEX": "multi", "NUMBA_CACHE_DIR": folder, "HOST": "127.0.0.1", "PORT": "0"}
        command = ["bitlens", "serve", "--bundle", bundle, "--data-dir", f"{folder}/data"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | own) as service:  # noqa: S603
            try:
                said = (service.stdout or sys.stdin).readline()
                url = said.removeprefix(_READY).strip()
                if url == said.strip():
                    return 1
                _post(f"{url}/index", _ITEM)
                found = _post(f"{url}/search/text", _QUERY)
                urllib.request.urlopen(f"{url}/metrics", timeout=60).close()  # noqa: S310
            finally:
                service.terminate()
    return 0 if b'"rehearsal"' in found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
