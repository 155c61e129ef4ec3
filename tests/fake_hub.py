"""A hub on the loopback: as much of its protocol as `huggingface_hub` speaks to list, fetch, make and commit to repositories."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

Files = dict[str, bytes]


class FakeHub:
    """Repositories by name, each a list of states of which the last is ``main``."""

    def __init__(self) -> None:
        self.history: dict[str, list[Files]] = {}
        self.asked: list[str] = []
        self.endpoint = ""

    def publish(self, repository: str, folder: Path) -> str:
        """Takes a folder up as the newest state; returns its commit."""
        self.history.setdefault(repository, []).append({path.name: path.read_bytes() for path in folder.iterdir()})
        return commit_of(self.history[repository][-1])

    def state(self, repository: str, revision: str) -> Files | None:
        states = self.history.get(repository, [])
        named = {commit_of(state): state for state in states} | ({"main": states[-1]} if states else {})
        return named.get(revision)


def commit_of(files: Files) -> str:
    named = sorted((name, blob(content)) for name, content in files.items())
    return hashlib.sha1(repr(named).encode(), usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def answer(self, content: bytes | dict[str, Any] | list[Any], status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, code: str) -> None:
        self.answer({"error": code}, 404, X_Error_Code=code, X_Error_Message=code)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+)/?)?", path):
            self.listing(found[1], found[2] or "revision", found[3] or "main")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.file(*found.groups())
        else:
            self.answer({}, 404)

    do_HEAD = do_GET  # noqa: N815

    def listing(self, repository: str, kind: str, revision: str) -> None:
        state = self.hub.state(repository, revision)
        if state is None:
            return self.refuse("RevisionNotFound" if repository in self.hub.history else "RepoNotFound")
        if kind == "tree":
            tree = [{"type": "file", "path": name, "size": len(state[name]), "oid": blob(state[name])} for name in state]
            return self.answer(tree)
        facts = {"id": repository, "sha": commit_of(state), "siblings": [{"rfilename": name} for name in state]}
        return self.answer({**facts, "private": False, "tags": [], "downloads": 0})

    def file(self, repository: str, revision: str, name: str) -> None:
        state = self.hub.state(repository, revision)
        if state is None:
            return self.refuse("RevisionNotFound" if repository in self.hub.history else "RepoNotFound")
        if name not in state:
            return self.refuse("EntryNotFound")
        return self.answer(state[name], X_Repo_Commit=commit_of(state), ETag=f'"{blob(state[name])}"')

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.hub.asked.append(f"POST {path}")
        if "Authorization" not in self.headers:
            self.answer({"error": "Invalid username or password."}, 401)
        elif path == "/api/repos/create":
            wanted = json.loads(body)
            repository = f"{wanted['organization']}/{wanted['name']}"
            self.hub.history.setdefault(repository, [])
            self.answer({"url": f"{self.hub.endpoint}/{repository}", "name": repository})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            self.answer({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]})
        else:
            self.commit(path.split("/")[3] + "/" + path.split("/")[4], body)

    def commit(self, repository: str, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        added = {each["value"]["path"]: each["value"] for each in lines if each["key"] == "file"}
        files = {name: base64.b64decode(value["content"]) for name, value in added.items()}
        states = self.hub.history[repository]
        states.append({**(states[-1] if states else {}), **files})
        commit = commit_of(states[-1])
        self.answer({"success": True, "commitOid": commit, "commitUrl": f"{self.hub.endpoint}/{repository}/commit/{commit}"})


@cache
def blob(content: bytes) -> str:
    """Names a content as git does."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub})) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hub.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def ask_hub(endpoint: str, cache: Path, monkeypatch: pytest.MonkeyPatch, *, with_token: bool = True) -> None:
    """Points `huggingface_hub` in this process to an endpoint and a cache, as HF_ENDPOINT and HF_HUB_CACHE would at its start."""
    constants = "huggingface_hub.constants"
    monkeypatch.setattr(f"{constants}.ENDPOINT", endpoint)
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    monkeypatch.setattr(f"{constants}.HF_TOKEN_PATH", str(cache / "no-token"))
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if with_token:
        monkeypatch.setenv("HF_TOKEN", "hf_fake")
