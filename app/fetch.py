"""Fetches a picture by its URL without being talked into asking for anything else.

A name is resolved once, every address it has must be public, and the connection goes to one of just these, with the name in
``Host`` and in TLS: a name that resolves to something else a moment later (DNS rebinding) gains nothing. Redirects are followed by
hand and go through the same checks. Whether a picture comes back is for the decoder to say; the server's word does not count.

Decides limits of size, time and redirects. Does not know what the picture is for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import httpx

from app.fetch_rules import UrlRules, is_public
from model.errors import ImageNotFetched, ImageTooLarge, ImageUrlRefused

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
MAX_REDIRECTS = 3
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Bitlens"}


async def resolve(host: str, port: int) -> Sequence[str]:
    """Asks the system for the addresses of a name.

    Args:
        host: Name or address.
        port: Port.

    Returns:
        IP addresses, in the system's order.

    Raises:
        OSError: If there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class ImageFetcher:
    """Fetches pictures from an allow-list of hosts.

    Args:
        rules: The list.
        max_bytes: Largest picture.
        timeout_s: Seconds for everything: name, redirects, content.
        resolve: Gives the addresses of a name.
        is_public: Tells which addresses may be connected to.
        trusted: Whose certificates count; by default those httpx trusts.
    """

    def __init__(
        self,
        rules: UrlRules,
        *,
        max_bytes: int,
        timeout_s: float,
        resolve: Resolve = resolve,
        is_public: Callable[[str], bool] = is_public,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._is_public = is_public
        self._trusted = trusted or httpx.create_ssl_context()

    async def fetch(self, address: str) -> bytes:
        """Fetches one picture.

        Args:
            address: Its URL.

        Returns:
            The file.

        Raises:
            ImageUrlRefused: If the URL, or one that it redirects to, is not allowed or leads to an address that is not public.
            ImageTooLarge: If the file is too large.
            ImageNotFetched: If it does not come: no such host, no answer in time, an error, too many redirects.
        """
        url = self._rules.check(address)
        # A client a picture: connections that were made to a checked address are not used again for another name.
        limits = httpx.Limits(max_keepalive_connections=0)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpx.AsyncClient(verify=self._trusted, trust_env=False, timeout=self._timeout_s, limits=limits) as client,
            ):
                return await self._follow(client, url)
        except TimeoutError as error:
            raise ImageNotFetched(f"the picture did not come within {self._timeout_s:g} seconds") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise ImageNotFetched("the picture's host does not answer as it should") from error

    async def _follow(self, client: httpx.AsyncClient, url: httpx.URL) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            response = await client.send(self._pinned(client, url, await self._address_of(url)), stream=True)
            try:
                if response.next_request is None:
                    return await self._content(response)
                url = self._rules.check(str(url.join(response.headers["location"])))
            finally:
                client.cookies.clear()
                await response.aclose()
        raise ImageNotFetched(f"the picture's host redirects more than {MAX_REDIRECTS} times")

    async def _address_of(self, url: httpx.URL) -> str:
        addresses = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        if not addresses or not all(self._is_public(address) for address in addresses):
            raise ImageUrlRefused("the picture's host is not on the public internet")
        return addresses[0]

    def _pinned(self, client: httpx.AsyncClient, url: httpx.URL, address: str) -> httpx.Request:
        headers = {**_HEADERS, "Host": url.netloc.decode("ascii")}
        pinned = url.copy_with(host=address, fragment=None)
        return client.build_request("GET", pinned, headers=headers, extensions={"sni_hostname": url.host})

    async def _content(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            raise ImageNotFetched(f"the picture's host answers with status {response.status_code}")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ImageNotFetched("the picture's host packs its answer, though it was asked not to")
        content = bytearray()
        async for part in response.aiter_raw():
            content += part
            if len(content) > self._max_bytes:
                raise ImageTooLarge(f"the image has more than {self._max_bytes} bytes")
        return bytes(content)
