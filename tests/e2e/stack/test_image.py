"""What is in the image, what is not, and as whom and with which rights the service runs."""

from __future__ import annotations

import json

import pytest

from tests.e2e.processes import REPOSITORY
from tests.e2e.stack.composed import Stack, docker, until

pytestmark = pytest.mark.e2e
ABSENT = ("torch", "transformers", "training", "tests", "pytest", "onnx", "sklearn", "scipy", "datasets")
PRESENT = ("app", "model", "faiss", "numba", "onnxruntime", "hiredis", "uvloop")
NO_TOOLS = ("gcc", "cc", "g++", "clang", "make", "git")


@pytest.fixture
def image(stack: Stack) -> dict:
    return json.loads(docker("image", "inspect", stack.inspect()["Image"]).stdout)[0]


def test_the_service_has_what_it_needs_and_neither_torch_nor_a_compiler_nor_tests(stack: Stack):
    program = f"""
import importlib.util as u, json, pathlib, shutil, sys
found = [name for name in {ABSENT} if u.find_spec(name)]
missing = [name for name in {PRESENT} if not u.find_spec(name)]
tools = [name for name in {NO_TOOLS} if shutil.which(name)]
tests = [str(path) for path in pathlib.Path(sys.prefix).rglob("tests") if path.is_dir()]
print(json.dumps([found, missing, tools, tests]))
"""
    assert json.loads(stack.inside("python", "-c", program)) == [[], [], [], []]


def test_it_runs_as_nobody_in_particular_without_rights_and_can_write_its_data_only(stack: Stack):
    status = dict(line.split(":\t", 1) for line in stack.inside("cat", "/proc/self/status").splitlines())
    assert stack.inside("id", "-u") == "10001"
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    tried = "for at in / /srv /opt/bitlens /etc /tmp /data; do (touch $at/try 2>/dev/null && rm $at/try && echo $at); done; true"
    assert stack.inside("sh", "-c", tried).split() == ["/tmp", "/data"]  # noqa: S108


def test_containers_are_bounded_and_come_back(stack: Stack):
    for service in ("api", "redis"):
        until(lambda: stack.inspect(service)["State"]["Health"]["Status"] == "healthy", f"{service} is healthy")  # noqa: B023
        host = stack.inspect(service)["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["RestartPolicy"]["Name"]) == (True, ["ALL"], "unless-stopped")
        assert 0 < host["Memory"] <= 2 * 1024**3
        addresses = {at["HostIp"] for published in (host["PortBindings"] or {}).values() for at in published}
        assert addresses <= {"127.0.0.1"}


def test_the_health_check_asks_for_readiness(stack: Stack):
    assert stack.inside("python", "-m", "app.probe") == ""
    ended = stack.compose("exec", "-T", "-e", "PORT=1", "api", "python", "-m", "app.probe", check=False)
    assert (ended.returncode, "does not answer" in ended.stdout) == (1, True)


def test_the_image_says_what_it_is(image):
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in image["Config"]["Labels"].items()}
    version = next(line for line in (REPOSITORY / "pyproject.toml").read_text().splitlines() if line.startswith("version = "))
    assert version == f'version = "{labels["version"]}"'
    assert (labels["title"], labels["licenses"]) == ("Bitlens", "Apache-2.0")
    assert labels["description"]
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Entrypoint"] == ["bitlens"]


def test_commands_of_the_service_run_in_its_container(stack: Stack):
    told = dict(line.split("=", 1) for line in stack.inside("bitlens", "settings").splitlines())
    assert (told["BITLENS_DATA_DIR"], told["BITLENS_BUNDLE"]) == ("/data", "/srv/bundles/photos-64")
    assert stack.inside("bitlens", "--help")
