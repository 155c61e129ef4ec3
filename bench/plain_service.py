"""The plain peer of ``bench.serve``: the service that one writes in an afternoon, with nothing left out that its answers need.

    python -m bench.plain_service --codes codes.npy --known known.json [--port 0]

FastAPI, pydantic in and out, ``def`` (so that each request runs on a thread), faiss ``IndexBinaryIDMap2`` over ``IndexBinaryFlat``,
items and codes of known texts in dictionaries. It keeps no catalogue, writes no log, knows no keys, limits, filters, pages or
writes: all of that is left out in its favour. uvicorn runs it with uvloop and httptools, and faiss on one thread a query.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

from bench.serve_world import item_of
from model.codes import UInt8


class Query(BaseModel):
    """What is asked for."""

    query: str = Field(min_length=1, max_length=2000)
    k: int = Field(10, ge=1, le=1000)


class Hit(BaseModel):
    """One hit."""

    id: str
    distance: int
    text: str | None
    payload: dict[str, Any]


class Answer(BaseModel):
    """What was found."""

    hits: list[Hit]
    cached: bool


def make_app(codes: UInt8, known: dict[str, UInt8]) -> FastAPI:
    """Makes the service.

    Args:
        codes: (N, n_bits / 8) uint8.
        known: (1, n_bits / 8) uint8 by text: its cache of codes.

    Returns:
        The application.
    """
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(codes.shape[1] * 8))
    index.add_with_ids(codes, np.arange(len(codes), dtype=np.int64))
    things = [item_of(number) for number in range(len(codes))]
    app = FastAPI()

    @app.post("/search/text")
    def search(query: Query) -> Answer:
        distances, numbers = index.search(known[query.query], query.k)
        found = zip(numbers[0].tolist(), distances[0].tolist(), strict=True)
        hits = [Hit(**things[number], distance=distance) for number, distance in found if number >= 0]
        return Answer(hits=hits, cached=True)

    return app


def main() -> None:
    """Reads the arguments and serves until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", required=True, help="(N, n_bits / 8) uint8 in a file of numpy's")
    parser.add_argument("--known", type=Path, required=True, help="JSON, code in hex by text")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    known = {
        text: np.frombuffer(bytes.fromhex(code), np.uint8)[None, :] for text, code in json.loads(given.known.read_text()).items()
    }
    app = make_app(np.load(given.codes), known)
    with socket.create_server(("127.0.0.1", given.port)) as bound:
        sys.stdout.write(f"the plain service is ready at http://127.0.0.1:{bound.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[bound])


if __name__ == "__main__":
    main()
