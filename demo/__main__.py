"""The demonstration, step by step: data, training, service, index, searches.

Decides the order and the exit codes: 0 done or stopped by Ctrl-C while serving, 2 data or a configuration that cannot be used, 1
anything else that fails, 130 stopped earlier.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from demo.client import Client
from demo.errors import DemoError
from demo.indexing import database_items, index_all
from demo.options import Options, parse_options, run_folder
from demo.screen import Screen
from demo.service import Service, check_port, serve_command
from demo.source import Source, choose_questions, labels_of, open_source
from demo.trainer import Figures, finished_run, run_trainer, train_command
from model.errors import DatasetError
from training.progress import progress_bar

N_HITS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demonstration.

    Args:
        arguments: Words of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    options = parse_options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen(Console())
    try:
        check_port(options.port)
        source, figures, run = _make_bundle(options, screen)
        return _serve(options, screen, source, figures, run)
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except DemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command takes it up again", file=sys.stderr)
        return 130


def _make_bundle(options: Options, screen: Screen) -> tuple[Source, Figures, Path]:
    with screen.step("Data: your pairs" if options.data else "Data: OpenMoji drawings with captions and labels"):
        source = open_source(options)
        pairs = source.pairs
        screen.say(f"{source.folder}: {len(pairs.train)} train, {len(pairs.query)} query, {len(pairs.gallery)} gallery pairs")
        screen.say(f"{len(pairs.label_names)} labels; for example: {pairs.train.texts[0]!r} is {labels_of(pairs.train, 0)}")
        run = run_folder(options, pairs)
    with screen.step("Features and training: SCBCH on frozen backbones"):
        figures = finished_run(run)
        if figures is None:
            figures = run_trainer(train_command(options, source.folder, run), default_bundle=run / "bundle")
        else:
            screen.say(f"{run} is finished and is taken as it is; delete it to train again")
        screen.figures(figures)
        screen.say(f"Bundle: {figures.bundle}")
    return source, figures, run


def _serve(options: Options, screen: Screen, source: Source, figures: Figures, run: Path) -> int:
    """Serves the bundle from a folder of its own: codes of two bundles never meet."""
    with Service(serve_command(figures.bundle, run / "service", options.port), run / "service.log") as service:
        with screen.step("Service"):
            address = service.wait_ready()
            screen.say(f"{address} (process {service.pid}, log {run / 'service.log'})")
        with httpx.Client(base_url=address, timeout=120, trust_env=False) as http:
            _index(options, screen, source, Client(http))
            _search(screen, source, Client(http))
        screen.console.print(f"\n[bold]Search page: {address}/[/bold]   API: {address}/openapi.json", soft_wrap=True)
        if source.attribution:
            screen.say(source.attribution)
        return _stay(options, screen, service)


def _index(options: Options, screen: Screen, source: Source, client: Client) -> None:
    with screen.step("Index: train and gallery (the query split is what we ask with)"):
        n_database = len(source.pairs.database)
        n_items = n_database if options.limit is None else min(options.limit, n_database)
        with progress_bar("indexing", unit="items") as progress:
            done = index_all(client, database_items(source, options.limit), n_items, progress)
        screen.say(f"{done.n_sent} items indexed, {done.n_present} were there already, {len(done.refused)} refused")
        for line in done.refused[:3]:
            screen.say(f"refused: {line}")
    if not done.n_sent + done.n_present:
        raise DemoError("the service refused every item")


def _search(screen: Screen, source: Source, client: Client) -> None:
    query, questions = source.pairs.query, choose_questions(source)
    with screen.step("Three searches over HTTP"):
        for text, labels in questions.texts:
            screen.hits(f"text “{text}” finds images", client.search_text(text, k=N_HITS), labels)
        i = questions.image
        hits = client.search_image(query.image_bytes(i), k=N_HITS)
        screen.hits(f"query image {query.ids[i]} (“{query.texts[i]}”) finds texts", hits, frozenset(labels_of(query, i)))
    screen.say("✓ shares a label with the question, – does not.")


def _stay(options: Options, screen: Screen, service: Service) -> int:
    if options.once:
        return 0
    screen.console.print("\nServing until Ctrl-C.")
    try:
        service.wait()
    except KeyboardInterrupt:
        screen.console.print("Stopping.")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
