"""Manifests and pictures at addresses.

Decides that a manifest is fetched before its first row is read, that what may pass is tried again, and how large a picture may be.
The addresses are those that whoever runs the command has given; nothing is kept from private networks.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

import httpx

from app.ingest_tables import Located
from model.errors import DatasetError, ImageTooLarge, InputError

_N_TRIES, _FIRST_S, _TIMEOUT_S = 4, 0.5, 30
_MAY_PASS = (408, 425, 429, 500, 502, 503, 504)


class Fetcher:
    """Fetches by HTTP; safe in many threads.

    Args:
        max_image_bytes: Largest picture.
        transport: What carries requests; by default the network.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        max_image_bytes: int,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._http = httpx.Client(transport=transport, timeout=_TIMEOUT_S, follow_redirects=True)
        self._max_image_bytes = max_image_bytes
        self._sleep = sleep

    def locate(self, base: str, named: str) -> Located:
        """Finds a picture.

        Args:
            base: Address that it is relative to.
            named: As the manifest names it.

        Returns:
            How it is read.
        """
        return Located(partial(self.image, urljoin(base, named)), is_far=True)

    def image(self, url: str) -> bytes:
        """Fetches a picture.

        Args:
            url: Its address.

        Returns:
            Its file.

        Raises:
            InputError: If it does not come.
            ImageTooLarge: If it is larger than allowed.
        """
        with tempfile.SpooledTemporaryFile(max_size=self._max_image_bytes + 1) as file:
            self._fetch(url, file, self._max_image_bytes)
            file.seek(0)
            return file.read()

    def manifest(self, url: str, folder: Path) -> Path:
        """Fetches a manifest.

        Args:
            url: Its address.
            folder: Where it is put.

        Returns:
            The file, which has the manifest's name.

        Raises:
            DatasetError: If it does not come.
        """
        path = folder / (Path(urlsplit(url).path).name or "manifest.jsonl")
        try:
            with path.open("wb") as file:
                self._fetch(url, file, None)
        except InputError as error:
            raise DatasetError(str(error)) from error
        return path

    def close(self) -> None:
        """Gives back connections."""
        self._http.close()

    def _fetch(self, url: str, file: IO[bytes], max_bytes: int | None) -> None:
        for n_tried in range(1, _N_TRIES + 1):
            file.seek(0)
            file.truncate()
            try:
                status = self._once(url, file, max_bytes)
                reason = f"{url} answers {status}"
            except (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError) as error:
                status, reason = 503, f"{url} cannot be fetched: {error or type(error).__name__}"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise InputError(f"{url} cannot be fetched: {error}") from error
            if status == httpx.codes.OK:
                return
            if status not in _MAY_PASS or n_tried == _N_TRIES:
                break
            self._sleep(random.uniform(0.5, 1) * _FIRST_S * 2**n_tried)  # noqa: S311
        raise InputError(reason)

    def _once(self, url: str, file: IO[bytes], max_bytes: int | None) -> int:
        n_bytes = 0
        with self._http.stream("GET", url) as answer:
            if answer.status_code == httpx.codes.OK:
                for block in answer.iter_bytes():
                    n_bytes += len(block)
                    if max_bytes is not None and n_bytes > max_bytes:
                        raise ImageTooLarge(f"{url} has more than {max_bytes} bytes")
                    file.write(block)
        return answer.status_code
