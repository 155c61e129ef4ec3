"""The locks under ``requirements``, the bill of materials made of them, and the commands around them; nothing asks a network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.contents import OTHER, folders, main, sizes, table
from bench.known_holes import judge
from bench.known_holes import main as ask_for_holes

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("serve", "otel", "weights", "build")
IMAGE = {"python_full_version": "3.11.9", "python_version": "3.11", "sys_platform": "linux", "platform_machine": "x86_64"}


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pinned(name):
    """Returns what a lock pins: hashes by requirement."""
    entries = re.split(r"\n(?=\S)", text(f"requirements/{name}.lock").replace("\\\n", " ").strip())
    return [
        (Requirement(entry.partition("--hash")[0].strip()), re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)) for entry in entries
    ]


def of_image(name):
    """Returns the versions that a lock has for the image, by name."""
    fitting = [one for one, _ in pinned(name) if one.marker is None or one.marker.evaluate(IMAGE)]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in fitting}


def constraints():
    lines = [line for line in text("constraints.txt").splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def project():
    return tomllib.loads(text("pyproject.toml"))


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_one_version_with_hashes_and_says_no_place(name):
    for requirement, hashes in pinned(name):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes
        assert len(hashes) == len(set(hashes))
    assert "//" not in text(f"requirements/{name}.lock")
    assert len(re.findall("--hash=", text(f"requirements/{name}.lock"))) == sum(len(hashes) for _, hashes in pinned(name))


def test_the_services_lock_has_what_it_depends_on_at_the_tested_versions():
    locked, tested = of_image("serve"), constraints()
    for requirement in map(Requirement, project()["project"]["dependencies"]):
        name = canonicalize_name(requirement.name)
        assert locked[name] == tested[name]
        assert requirement.specifier.contains(locked[name])
    assert {name: version for name, version in locked.items() if tested.get(name, version) != version} == {}


def test_an_extra_of_the_image_is_locked_on_top_of_the_service():
    service, extra = of_image("serve"), of_image("otel")
    assert service.items() <= extra.items()
    wanted = {canonicalize_name(Requirement(each).name) for each in project()["project"]["optional-dependencies"]["otel"]}
    assert wanted <= extra.keys() - service.keys()


def test_the_image_of_the_service_is_installed_with_hashes_alone():
    before = text("Dockerfile").partition(" AS drawings\n")[0].replace("\\\n", " ")
    installs = re.findall(r"pip install ([^&;\n]*)", before)
    assert len(installs) == 5
    for told in installs:
        is_own_wheel = told.split()[1:] == ["--no-deps", "/wheels/*.whl"]
        assert is_own_wheel or "--require-hashes --only-binary :all:" in told


@pytest.mark.parametrize("lock", ["serve", "otel"])
def test_the_services_lock_has_what_its_packages_depend_on_in_turn(lock):
    locked, missing = of_image(lock), set()
    for name in locked:
        try:
            needed = [Requirement(each) for each in requires(name) or ()]
        except PackageNotFoundError:  # of another platform
            continue
        wanted = [each for each in needed if each.marker is None or each.marker.evaluate({**IMAGE, "extra": ""})]
        missing |= {f"{name} needs {each}" for each in wanted if canonicalize_name(each.name) not in locked}
    assert missing == set()


def test_the_service_is_locked_without_torch():
    heavy = {"torch", "transformers", "sentence-transformers", "onnx", "scipy", "scikit-learn", "datasets"}
    everything = {canonicalize_name(one.name) for one, _ in pinned("serve")}
    assert everything & heavy == set()
    assert [name for name in everything if name.startswith("nvidia")] == []


def test_the_weights_and_what_builds_are_locked_as_they_are_named():
    (named,) = (line for line in text("weights.txt").splitlines() if not line.startswith("#"))
    assert [str(one) for one, _ in pinned("weights")] == [named]
    (builds,) = map(Requirement, project()["build-system"]["requires"])
    assert builds.specifier.contains(of_image("build")[builds.name])


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    """What ``make sbom`` writes."""
    path = tmp_path_factory.mktemp("sbom") / "sbom.cdx.json"
    made = ["requirements", "-", "--pyproject", "pyproject.toml", "--sv", "1.6", "--of", "JSON", "--output-reproducible"]
    locks = "".join(text(f"requirements/{name}.lock") for name in ("serve", "weights"))
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *made, "-o", str(path)]
    subprocess.run(command, cwd=ROOT, input=locks, text=True, check=True, capture_output=True, timeout=60)
    return path.read_text(encoding="utf-8")


def test_the_bill_of_materials_is_valid_and_lists_what_is_locked(bill):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    said = json.loads(bill)
    assert said["metadata"]["component"]["name"] == project()["project"]["name"]
    assert {(one["name"], one["version"]) for one in said["components"]} == {
        (one.name, str(one.specifier).removeprefix("==")) for name in ("serve", "weights") for one, _ in pinned(name)
    }
    assert all(one["externalReferences"][0]["hashes"] for one in said["components"])


def test_a_bill_with_a_made_up_field_is_not_valid(bill):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps({**json.loads(bill), "bill": 1})) is not None


def test_the_makefile_makes_what_is_tested_here():
    for part in (
        "--generate-hashes",
        "--universal",
        "--python-version 3.11",
        "--only-binary :all:",
        "--no-emit-index-url",
        "--sv 1.6",
    ):
        assert part in text("Makefile")
    assert {f"requirements/{name}.lock" for name in LOCKS} <= set(re.findall(r"requirements/\w+\.lock", text("Makefile")))


# --- known holes ---


def answer(*packages):
    return json.dumps({"dependencies": list(packages), "fixes": []}), ""


WELL = {"name": "numpy", "version": "2.4.6", "vulns": []}
HOLED = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "GHSA-2", "fix_versions": []}],
}
UNKNOWN = {"name": "rich", "skip_reason": "not found"}


def test_holes_are_told_with_what_closes_them():
    assert judge(*answer(WELL)) == (0, ["1 packages looked up, 0 known holes"])
    told = ["pillow 1.0: PYSEC-1, closed in 1.1", "pillow 1.0: GHSA-2", "2 packages looked up, 2 known holes"]
    assert judge(*answer(WELL, HOLED)) == (1, told)


def test_what_could_not_be_looked_up_is_a_failure(capsys):
    for said, word in (
        (answer(WELL, UNKNOWN), "no word on 1 of 2: rich"),
        (("", "x\nno route to host"), "no route to host"),
        (answer(), "0 packages"),
    ):
        assert ask_for_holes(["some.lock"], ask=lambda _, said=said: said) == 2
        printed = capsys.readouterr()
        assert (printed.out, word in printed.err) == ("", True)
    assert judge(*answer(HOLED, UNKNOWN))[0] == 1


# --- contents ---


def test_an_environment_is_told_by_package(tmp_path):
    (tmp_path / "big").mkdir()
    for path, size in (
        ("big/__init__.py", 3 * 2**20),
        ("big/__pycache__/__init__.cpython-311.pyc", 2**20),
        ("stray.bin", 2**19),
        ("small.py", 10),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(bytes(size))
    for name, file in (("big", "big/__init__.py"), ("small", "small.py")):
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "RECORD").write_text(f"{file},,\n{about.name}/METADATA,,\n{about.name}/RECORD,,\n")
    found = sizes([tmp_path])
    assert list(found) == ["big 1.0", OTHER, "small 1.0"]
    assert 4 * 2**20 <= found["big 1.0"] < 5 * 2**20
    shown = table(found, 1)
    assert shown[2].startswith("| big 1.0 | 4.0")
    assert shown[3].startswith("| 2 others | 0.5")


def test_an_interpreter_is_asked_where_its_packages_lie(tmp_path, capsys):
    assert all((place / "pydantic").is_dir() for place in folders(Path(sys.executable))[:1])
    assert main([str(tmp_path / "python")]) == 2
    assert "is no interpreter" in capsys.readouterr().err
