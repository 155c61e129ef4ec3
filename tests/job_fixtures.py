"""Manifests and archives of bulk jobs."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

Files = Mapping[str, bytes]


def manifest(*items: Any) -> bytes:
    """Returns JSON Lines; texts stand as they are."""
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items).encode()


def write(folder: Path, files: Files) -> Path:
    """Writes files under a folder and returns it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: Files, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def finished(client: TestClient, job_id: str) -> dict[str, Any]:
    """Asks for a job until it is over; each answer lets the worker go on."""
    for _ in range(20_000):
        job: dict[str, Any] = client.get(f"/index/jobs/{job_id}").json()
        if job["state"] not in ("waiting", "running"):
            return job
    raise AssertionError(job)
