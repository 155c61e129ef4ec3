"""The house rules, read from the sources: which room may import what, how long things may get, whether what is said is true.

Imports are read with ``ast``, those within functions included, so that no rule depends on what happens to be executed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from app.errors import PROBLEMS
from app.settings import Settings
from model import errors
from model.bundle import EncoderBundle
from model.bundle_folder import CARD, GRAPHS, MANIFEST, TOKENIZER, WEIGHTS
from model.calibration import FILE_NAME
from model.label_reader_file import FILE_NAME as LABELS
from training.config import RunConfig, TrainingSection, load_config, make_config

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("app", "model", "training")
OUTSIDE = ("demo", "bench", "handbook")  # may use every room, and are used by none
MODULE_LINES, FUNCTION_LINES, POSITIONAL = 250, 40, 5
LONGER = {"app/client.py": 1_150}  # types, errors and both clients in one file, so that it can be taken along
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}

# What of `model` is for training and judging alone; the service imports none of it.
TORCH_IN_MODEL = (
    "model/heads.py",
    "model/encoder.py",
    "model/bundle.py",
    "model/backbones/checkpoint.py",
    "model/backbones/efficientnet_lite.py",
    "model/backbones/minilm.py",
)
# R2: where a library may be imported; anywhere else in the rooms it may not.
LIBRARY_ROOMS = {
    "faiss": ["app/index/faiss_flat.py"],
    "numba": ["app/index/kernels.py", "app/index/desk_kernels.py"],
    "pymilvus": ["app/index/milvus.py"],
    "redis": ["app/cache/redis_cache.py"],
    "sqlalchemy": ["app/catalog/sql.py", "app/catalog/sql_*.py"],  # one adapter; its tables are a file of their own
    "httpx": ["app/client.py", "app/ingest_http.py", "app/fetch.py", "app/fetch_rules.py", "training/datasets/hub.py"],
    "limits": ["app/rate_limit.py"],
    "fastapi": ["app/main.py", "app/application.py", "app/deps.py", "app/error_answers.py", "app/routes/*.py"],
    "torch": [*TORCH_IN_MODEL, "training/*"],
    "transformers": ["model/backbones/minilm.py", "model/backbones/checkpoint.py"],
    "onnxruntime": ["model/graph_encoder.py", "training/graphs/*"],
    "onnx": ["training/graphs/*"],
    "huggingface_hub": ["model/hub.py", "model/report_card.py", "training/datasets/*"],
    "tokenizers": ["model/backbones/word_pieces.py", "model/backbones/checkpoint_input.py"],
    "h5py": ["training/datasets/*"],
    "scipy": ["training/*"],
    "accelerate": ["training/*"],
    "optuna": ["training/sweep*.py"],
    "matplotlib": ["training/*"],
    "jinja2": ["training/comparison/*", "training/audit/*"],
    "structlog": ["app/logs.py"],
    "prometheus_client": ["app/metrics.py", "app/prometheus_states.py", "app/routes/metrics.py"],
    "opentelemetry": ["app/tracing.py"],
    "pydantic": ["app/schemas.py", "app/*_schemas.py", "app/settings.py", "training/config.py"],
    "pydantic_core": ["app/schemas.py", "app/*_schemas.py", "app/settings.py", "training/config.py"],
    "pydantic_settings": ["app/settings.py"],
    "typer": [
        f"{room}/{place}.py" for room in ROOMS for place in ("__main__", "arguments", "*_command", "*_commands", "command_line")
    ],
    "rich": [
        *("model/terminal.py", "training/progress.py"),
        *(f"app/{name}.py" for name in ("hit_table", "hit_view", "ingest_bar", "terminal_pictures")),
    ],
}
# R3: what must load in milliseconds.
MEASURING = ("model.calibration", "model.calibration_file", "model.calibration_fit", "model.recalibration", "model.log_odds")
MEANING = (*MEASURING, "model.familiarity", "model.code_health", "model.drift")
TORCH_FREE = ("model.codes", "model.errors", "model.served", "model.preprocess", "app", *MEANING)
# The table names both halves of a backbone and loads only the one that is asked for: what it imports is not followed.
LAZY_TABLES = ("model.backbones",)
# R4: folders of variants, and who besides the folder itself and the wiring may import one by name.
VARIANT_FOLDERS: dict[str, tuple[str, ...]] = {
    "model.backbones": ("training.graphs",),  # a graph is written by who knows its network
    "training.datasets": (),
    "training.losses": ("training.methods",),  # terms have no table: the methods choose among them
    "training.methods": (),
    "app.index": (),
    "app.cache": (),
    "app.catalog": (),
    "app.routes": (),
}
WIRING = ("app.main", "training.__main__")


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sources(*ROOMS)}
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources(*ROOMS, *OUTSIDE)}
EVERY_MODULE = {module_of(path) for path in TREES}


def imported(path: Path) -> Iterator[str]:
    """Yields every module that a file names in an import: ``from a import b`` counts as ``a.b`` where that is a module."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            base = node.module or ""
            yield from (f"{base}.{alias.name}" if f"{base}.{alias.name}" in EVERY_MODULE else base for alias in node.names)


def lies_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(TREES[path]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def n_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Counts a function's lines without its docstring and decorators."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    is_docstring = ast.get_docstring(function, clean=False) is not None
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0)


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


# --- doors ---


def test_r1_app_and_training_meet_only_in_model() -> None:
    allowed = {"app": {"app", "model"}, "training": {"training", "model"}, "model": {"model"}}
    everything = {*ROOMS, *OUTSIDE, "tests"}
    strays = [
        f"{module} imports {target}"
        for module, path in MODULES.items()
        for target in imported(path)
        if target.split(".")[0] in everything - allowed[module.split(".")[0]]
    ]
    assert strays == []


def test_r2_a_library_stays_in_its_room() -> None:
    strays = [
        f"{path.relative_to(ROOT).as_posix()} imports {library}"
        for path in MODULES.values()
        for library in {target.split(".")[0] for target in imported(path)} & LIBRARY_ROOMS.keys()
        if not any(fnmatch(path.relative_to(ROOT).as_posix(), pattern) for pattern in LIBRARY_ROOMS[library])
    ]
    assert strays == []


def test_r3_the_service_and_what_it_encodes_with_load_without_torch() -> None:
    names = [module for module in MODULES if any(lies_in(module, free) for free in TORCH_FREE)]
    assert len(names) > len(TORCH_FREE)
    found = [name for name in names if all(importlib.util.find_spec(library) for library in foreign(MODULES[name]))]
    load = f"import sys, importlib\nfor name in {found}:\n if not name.endswith('__main__'): importlib.import_module(name)"
    program = f"{load}\nassert not {{'torch', 'transformers', 'onnx'}} & sys.modules.keys()"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr


def foreign(path: Path) -> set[str]:
    """Names the libraries of a file that an extra installs: a variant whose library is absent cannot be loaded here."""
    return {target.split(".")[0] for target in imported(path)} & {"numba", "pymilvus", "opentelemetry"}


def test_r3_the_service_names_nothing_that_needs_torch() -> None:
    needs_torch = {"torch"}
    grew = True
    while grew:
        more = {m for m, path in MODULES.items() if m not in LAZY_TABLES and set(imported(path)) & needs_torch} - needs_torch
        needs_torch |= more
        grew = bool(more)
    assert [module for module in needs_torch if any(lies_in(module, free) for free in TORCH_FREE)] == []


def test_r4_variants_are_imported_by_their_table_and_the_wiring_only() -> None:
    strays = []
    for module, path in MODULES.items():
        for folder, friends in VARIANT_FOLDERS.items():
            if module in WIRING or any(lies_in(module, place) for place in (folder, *friends)):
                continue
            strays += [f"{module} imports {target}" for target in imported(path) if is_variant(target, folder)]
    assert strays == []


def is_variant(module: str, folder: str) -> bool:
    return module.startswith(f"{folder}.") and module != f"{folder}.base"


def test_every_folder_of_variants_exists_and_has_a_table() -> None:
    assert [folder for folder in VARIANT_FOLDERS if folder not in MODULES] == []


def parents(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts))}


def test_no_import_cycle() -> None:
    """So every module may be the first to be imported: ``import a.b`` runs ``a`` before it, unless the importer lies in ``a``."""
    edges = {}
    for path in TREES:
        module = module_of(path)
        targets = set(imported(path)) | {parent for target in imported(path) for parent in parents(target) - parents(module)}
        edges[module] = {target for target in targets - {module} if target in EVERY_MODULE}
    while leaves := {module for module, targets in edges.items() if not targets}:
        edges = {module: targets - leaves for module, targets in edges.items() if module not in leaves}
    while others := edges.keys() - {target for targets in edges.values() for target in targets}:
        edges = {module: targets for module, targets in edges.items() if module not in others}  # they only lead to a cycle
    assert edges == {}


# --- sizes and habits ---


def test_modules_stay_below_their_ceiling() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in TREES}
    assert {place: n for place, n in lengths.items() if n > LONGER.get(place, MODULE_LINES)} == {}


def test_functions_stay_below_their_ceiling() -> None:
    lengths = {f"{module_of(path)}.{function.name}": n_lines(function) for path in TREES for function in functions(path)}
    assert {name: n for name, n in lengths.items() if n > FUNCTION_LINES} == {}


def test_functions_take_few_positional_parameters() -> None:
    found = {}
    for path in TREES:
        for function in functions(path):
            names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            n = len([name for name in names if name not in {"self", "cls"}])
            if n > POSITIONAL:
                found[f"{module_of(path)}.{function.name}"] = n
    assert found == {}


def test_no_module_is_named_after_nothing() -> None:
    places = [path.relative_to(ROOT) for path in (*TREES, *sources("tests"))]
    assert [str(place) for place in places if FORBIDDEN_NAMES & {part.removesuffix(".py") for part in place.parts}] == []


def test_nothing_but_the_outermost_boundary_catches_everything() -> None:
    """Linted as well (BLE); the one place that may has nothing between it and the client, and logs the traceback first."""
    handlers = [(path, node) for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    broad = [(path.relative_to(ROOT).as_posix(), node) for path, node in handlers if is_broad(node) and not ends_in_raise(node)]
    assert [place for place, _ in broad] in ([], ["app/middleware.py"])
    assert all("_log.exception" in ast.unparse(node.body[0]) for _, node in broad)


def is_broad(handler: ast.ExceptHandler) -> bool:
    named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or (isinstance(each, ast.Name) and each.id in {"Exception", "BaseException"}) for each in named)


def ends_in_raise(handler: ast.ExceptHandler) -> bool:
    """A handler that ends in a bare ``raise`` passes the error on and may look at all of them."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_every_module_says_what_it_decides() -> None:
    assert [module for module, path in MODULES.items() if not ast.get_docstring(TREES[path])] == []


def test_public_names_exist() -> None:
    """What ``__all__`` promises is there."""
    for path in TREES:
        for node in TREES[path].body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
                module = importlib.import_module(module_of(path))
                assert [name for name in ast.literal_eval(node.value) if not hasattr(module, name)] == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("model.backbones.base", "Backbone"),
        ("training.methods.base", "HashingMethod"),
        ("app.index.base", "CodeIndex"),
        ("app.cache.base", "CodeCache"),
        ("app.catalog.base", "Catalog"),
    ],
)
def test_the_five_contracts_are_protocols_in_their_folders_base(module: str, name: str) -> None:
    assert getattr(getattr(importlib.import_module(module), name), "_is_protocol", False)


def test_every_error_has_its_line_in_the_table() -> None:
    classes = {cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.HashingError)}
    assert classes == set(PROBLEMS)


# --- what is shipped, and what is said of it ---


TOP_FILES = ("pyproject.toml", "Dockerfile", "docker-compose.yml", "README.md", "Makefile", "CHANGELOG.md", "LICENSE", ".ci/run")
TOP_FOLDERS = (*ROOMS, "tests", "bench", "docs", "bundles")


@pytest.mark.parametrize("name", [*TOP_FILES, *TOP_FOLDERS, "CONTRIBUTING.md", "constraints.txt"])
def test_the_top_level_is_complete(name: str) -> None:
    assert (ROOT / name).exists()
    assert (ROOT / name).is_dir() or (ROOT / name).stat().st_size > 0


@pytest.mark.parametrize("file", sorted((ROOT / "training" / "configs").glob("*.toml")), ids=lambda file: file.name)
def test_every_shipped_configuration_loads(file: Path) -> None:
    load_config(file)


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in (ROOT / "bundles").glob("*/config.json")), ids=lambda path: path.name
)
def test_every_shipped_bundle_loads_is_small_and_names_its_origin(folder: Path) -> None:
    bundle = EncoderBundle.from_pretrained(folder)
    assert {path.name for path in folder.iterdir()} == {MANIFEST, WEIGHTS, CARD, TOKENIZER, FILE_NAME, LABELS, *GRAPHS.values()}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 40_000_000
    assert bundle.calibration is not None
    assert bundle.label_reader is not None
    assert bundle.manifest.origin
    assert bundle.bundle_id in (folder / "README.md").read_text(encoding="utf-8")


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(text: str, language: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)  # all, or an end would pass for a beginning
    return [content for name, content in blocks if name == language]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_the_readmes_tree_is_there_and_leaves_out_no_room() -> None:
    tree = "".join(fenced(readme(), ""))
    named = re.findall(r"^([\w./-]+)(?:  |$)", tree, flags=re.MULTILINE)
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert {name.rstrip("/") for name in named} >= {*ROOMS, "tests"}


DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    local = [target for target in targets if "://" not in target]
    lost = [
        t
        for t in local
        if not (t[1:] in headings if t.startswith("#") else (ROOT / name).parent.joinpath(t.split("#")[0]).exists())
    ]
    assert lost == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_command_that_is_mentioned_is_a_target(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    shown = "\n".join(re.findall(r"`([^`\n]+)`", text) + fenced(text, "console")) if name.endswith(".md") else text
    mentioned = set(re.findall(r"(?:^|\s|\$ )make ([a-z][a-z0-9-]*)", shown))
    assert mentioned
    assert mentioned <= make_targets()


def test_the_fixed_commands_are_targets_and_every_phony_one_has_a_rule() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {"demo", "test", "check", "serve", "bundle-photos"} <= make_targets()
    assert phony is not None
    assert set(phony[1].split()) == make_targets()


def test_the_readmes_python_commands_name_modules_and_files_that_exist() -> None:
    commands = re.findall(r"python -m ([\w.]+)([^\n`]*)", "\n".join(fenced(readme(), "console")))
    assert {module for module, _ in commands} >= {"app", "training"}
    for module, arguments in commands:
        assert importlib.util.find_spec(module) is not None
        for config in re.findall(r"--config (\S+)", arguments):
            load_config(ROOT / config)


def test_the_page_on_training_names_every_setting_of_the_loop_with_its_default() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([\w.-]+)`? \|", text, flags=re.MULTILINE))
    assert rows.keys() == TrainingSection.model_fields.keys()
    assert make_config({}, [f"training.{name}={default}" for name, default in rows.items()]) == RunConfig()


def test_the_readmes_settings_exist() -> None:
    rows = re.findall(r"^\| (`[A-Z`_, ]+`) \|", readme(), flags=re.MULTILINE)
    named = {name.removeprefix("BITLENS").removeprefix("_").lower() for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert "bundle" in named
    assert named <= Settings.model_fields.keys()


def test_no_tracked_file_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(rb"(?<![\w.~}])/(?:root|work|home/\w+|Users/\w+)/")
    assert [str(path.relative_to(ROOT)) for path in tracked() if place.search(path.read_bytes())] == []


def test_no_tracked_file_is_data_or_a_cache() -> None:
    endings = {".parquet", ".pkl", ".pt", ".pth", ".npy", ".sqlite", ".db", ".pyc", ".tar", ".zip", ".h5"}
    assert [str(path.relative_to(ROOT)) for path in tracked() if path.suffix in endings] == []
