"""Load on a server: wrk where it is installed, else a loop of our own.

Decides what is asked: a text whose code is cached, a new text, a new picture, or a mix of cached texts with one write in ten. A new
text has a number of its own, a new picture some bytes of its own behind its end.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
from PIL import Image

Kind = Literal["cached text", "new text", "new image", "mixed"]
KINDS: tuple[Kind, ...] = ("cached text", "new text", "new image", "mixed")
_BOUNDARY = "bitlens-bench"
_JSON = "application/json"
_SCRIPT = """
local asked, kind, start = {}, "%s", %d
for line in io.lines("%s") do asked[#asked + 1] = line end
local file = io.open("%s", "rb")
local picture = file:read("*a")
file:close()
local n = start
local function post(path, media_type, body)
  return wrk.format("POST", path, {["Content-Type"] = media_type}, body)
end
request = function()
  n = n + 1
  local text = asked[n %% #asked + 1]
  if kind == "new image" then
    local form = picture:gsub("NUMBER", string.format("%%06d", n), 1)
    return post("/search/image", "multipart/form-data; boundary=bitlens-bench", form)
  elseif kind == "new text" then
    return post("/search/text", "application/json", string.format('{"query": "%%s, number %%d"}', text, n))
  elseif kind == "mixed" and n %% 10 == 0 then
    return post("/index", "application/json", string.format('{"items": [{"id": "new-%%d", "text": "%%s"}]}', n, text))
  end
  return post("/search/text", "application/json", string.format('{"query": "%%s"}', text))
end
done = function(summary, latency, _)
  local e = summary.errors
  local n_failed = e.status + e.read + e.write + e.connect + e.timeout
  io.write(string.format('{"n": %%d, "s": %%f, "p50_ms": %%f, "p99_ms": %%f, "n_failed": %%d}\\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, n_failed))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of load gave.

    Attributes:
        n: Requests answered.
        s: Seconds.
        p50_ms: Median latency.
        p99_ms: Latency that one in a hundred exceeds.
        n_failed: Answers that were errors, and requests without an answer.
    """

    n: int
    s: float
    p50_ms: float
    p99_ms: float
    n_failed: int


def tool() -> str:
    """Returns what makes the load: ``wrk``, or ``httpx``, whose own work keeps it from more than some hundred requests a second."""
    return "wrk" if shutil.which("wrk") else "httpx"


def picture() -> bytes:
    """Returns a JPEG of 1024 × 768 pixels, with edges and noise as photographs have."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize((1024, 768), Image.Resampling.BICUBIC)
    grain = random.normal(0, 6, (768, 1024, 1))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


class Loader:
    """Puts load on servers.

    Args:
        texts: What is searched for.
    """

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._numbers = count(0, 1_000_000)  # each round has new texts and pictures of its own
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        self._form = head.encode() + picture() + f"NUMBER\r\n--{_BOUNDARY}--\r\n".encode()

    def run(self, url: str, kind: Kind, n_connections: int, duration_s: float) -> Load:
        """Puts load on a server.

        Args:
            url: Where it is.
            kind: What is asked.
            n_connections: At once; each has one request open.
            duration_s: How long.

        Returns:
            What was measured.
        """
        start = next(self._numbers)
        if tool() == "wrk":
            return self._wrk(url, kind, n_connections, duration_s=duration_s, start=start)
        return asyncio.run(self._own(url, kind, n_connections, duration_s=duration_s, start=start))

    def _wrk(self, url: str, kind: Kind, n_connections: int, *, duration_s: float, start: int) -> Load:
        with tempfile.TemporaryDirectory() as folder:
            texts, form, script = (Path(folder) / name for name in ("texts", "form", "load.lua"))
            texts.write_text("\n".join(self._texts))
            form.write_bytes(self._form)
            script.write_text(_SCRIPT % (kind, start, texts, form))
            options = ["-t1", f"-c{n_connections}", f"-d{max(1, round(duration_s))}s", "--timeout", "30s", "-s", str(script)]
            said = subprocess.run(["wrk", *options, url], capture_output=True, text=True, check=True).stdout
        return Load(**json.loads(next(line for line in said.splitlines() if line.startswith("{"))))

    async def _own(self, url: str, kind: Kind, n_connections: int, *, duration_s: float, start: int) -> Load:
        times_s: list[float] = []
        numbers, until_s, n_failed = count(start), time.perf_counter() + duration_s, 0

        async def ask(client: httpx.AsyncClient) -> None:
            nonlocal n_failed
            while (began_s := time.perf_counter()) < until_s:
                path, media_type, body = self._request(kind, next(numbers))
                answer = await client.post(path, content=body, headers={"Content-Type": media_type})
                times_s.append(time.perf_counter() - began_s)
                n_failed += answer.is_error

        limits = httpx.Limits(max_connections=n_connections)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
            await asyncio.gather(*(ask(client) for _ in range(n_connections)))
        p50_s, p99_s = np.percentile(times_s, [50, 99]).tolist()
        return Load(len(times_s), duration_s, p50_s * 1e3, p99_s * 1e3, n_failed)

    def _request(self, kind: Kind, number: int) -> tuple[str, str, bytes]:
        text = self._texts[number % len(self._texts)]
        if kind == "new image":
            form = self._form.replace(b"NUMBER", b"%06d" % number, 1)
            return "/search/image", f"multipart/form-data; boundary={_BOUNDARY}", form
        if kind == "mixed" and number % 10 == 0:
            return "/index", _JSON, json.dumps({"items": [{"id": f"new-{number}", "text": text}]}).encode()
        return "/search/text", _JSON, json.dumps({"query": f"{text}, number {number}" if kind == "new text" else text}).encode()


def warm_up(loader: Loader, url: str) -> None:
    """Asks for every text, so that its code is cached, and for what follows at first use.

    Args:
        loader: Has the texts.
        url: Where the server is.
    """
    loader.run(url, "cached text", 8, 2)
