"""What can be said of the containers without an engine; the rest is ``tests/e2e/stack``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from app.hosts import open_hosts
from app.settings import load_settings
from model.errors import Forbidden

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, flags=re.MULTILINE)
COMPOSED = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DEFAULTS = (ROOT / "deploy" / "compose.env").read_text(encoding="utf-8")


def body(stage: str) -> str:
    """Returns the instructions of a stage, each in one line."""
    text = DOCKERFILE.partition(f" AS {stage}\n")[2].split("\nFROM ")[0]
    return text.replace("\\\n", " ")


def told(given: dict[str, str]) -> dict[str, str]:
    """Returns what the service is told where a shell or bitlens.env has these variables, as Compose reads its last file."""

    def value(found: re.Match[str]) -> str:
        name, rule, other = found.groups()
        if rule == ":+":
            return other if given.get(name) else ""
        return given.get(name, other) if rule == "-" else given.get(name) or other

    lines = [line.partition("=") for line in DEFAULTS.splitlines() if not line.startswith("#")]
    return given | {name: re.sub(r"\$\{(\w+)(:?[-+])([^}]*)\}", value, text) for name, _, text in lines}


def test_the_image_by_default_is_the_serving_one_and_nothing_costly_is_built_before_it():
    names = [name for _, name in STAGES]
    assert STAGES[-1] == ("serving", "")
    assert names.index("serving") < names.index("training")
    before = "".join(body(name) for name in names[: names.index("serving") + 1])
    assert "torch" not in before.replace("torch'", "")
    assert COMPOSED["services"]["api"]["build"]["target"] == "serving"


def test_any_builder_can_read_it():
    assert "--mount" not in DOCKERFILE
    assert not re.search(r"^# *syntax", DOCKERFILE, flags=re.MULTILINE | re.IGNORECASE)
    assert not re.search(r"<<\s*\w", DOCKERFILE)


def test_torch_has_a_step_of_its_own():
    steps = [line for line in body("training").splitlines() if line.startswith("RUN")]
    assert [re.split(r"\s+", step)[-2:] for step in steps if "TORCH" in step] == [["$TORCH_PIP_ARGS", "torch"]]
    assert re.search(r'^ARG TORCH_PIP_ARGS="--extra-index-url \S+/cpu"$', body("training"), flags=re.MULTILINE)


def test_versions_are_the_projects():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert version is not None
    assert f"ARG VERSION={version[1]}\n" in DOCKERFILE
    images = {one["image"] for one in COMPOSED["services"].values() if one["image"].startswith("bitlens")}
    assert images == {f"{name}:{version[1]}" for name in ("bitlens", "bitlens-demo", "bitlens-training")}


@pytest.mark.parametrize("name", COMPOSED["services"])
def test_every_container_is_bounded_and_guarded_and_its_port_is_this_machines(name):
    service = COMPOSED["services"][name]
    assert service["mem_limit"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert not {"privileged", "cap_add", "network_mode"} & service.keys()


def test_what_starts_by_itself_is_the_service_and_its_cache():
    services = COMPOSED["services"]
    assert {name for name, service in services.items() if "profiles" not in service} == {"api", "redis"}
    assert {profile for service in services.values() for profile in service.get("profiles", [])} == {
        "demo",
        "ingest",
        "monitoring",
        "train",
    }
    assert services["api"]["depends_on"] == {"redis": {"condition": "service_healthy", "required": False}}


def test_nothing_that_can_be_set_is_overridden_by_an_empty_value():
    api = COMPOSED["services"]["api"]
    assert api["environment"].keys() == {"HOST", "PORT"}  # this would win over what bitlens.env says, even with nothing
    assert api["env_file"] == [{"path": "bitlens.env", "required": False}, "deploy/compose.env"]
    names = [line.partition("=")[0] for line in DEFAULTS.splitlines() if not line.startswith("#")]
    given = {name: f"of-{name.lower()}" for name in names}
    for name, value in told(given).items():
        assert value.endswith("/keys" if name == "BITLENS_KEYS_FILE" else "/redis-url" if name == "REDIS_URL_FILE" else given[name])


@pytest.mark.parametrize("given", [{}, {"BITLENS_HOSTS": "photos.lan", "REDIS_URL": "", "BITLENS_RATE_LIMIT": "off"}])
def test_the_open_service_answers_under_its_own_names_only(monkeypatch, given):
    for name, value in told(given).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.allow_open, settings.keys, settings.keys_file) == (True, None, None)
    hosts = open_hosts(settings.hosts, settings.allow_open)
    assert hosts is not None
    for name in ("api:8000", "localhost:8000", "127.0.0.1:8000", *([given["BITLENS_HOSTS"]] if given else [])):
        hosts.check(name)  # other containers and Prometheus, browsers, the health check, what is added
    with pytest.raises(Forbidden):
        hosts.check("rebound.example:8000")


def test_what_calls_the_service_calls_it_by_a_name_that_it_answers_to():
    services = COMPOSED["services"]
    assert {services[name]["environment"]["BITLENS_URL"] for name in ("demo", "ingest")} == {"http://api:8000"}
    (photos,) = services["ingest"]["volumes"]
    assert (photos["target"], photos["read_only"], photos["bind"]) == ("/photos", True, {"create_host_path": False})
    assert services["ingest"]["command"] == ["ingest", photos["target"]]
    assert services["ingest"]["image"] == services["api"]["image"]


def test_what_stays_up_says_whether_it_is_well():
    checked = {
        name for name, one in COMPOSED["services"].items() if "healthcheck" in one and one["healthcheck"] != {"disable": True}
    }
    stays = {name for name, one in COMPOSED["services"].items() if "restart" in one}
    assert stays == checked | {"api"}  # whose image has one


def test_secrets_without_a_file_of_their_own_are_a_file_that_says_nothing():
    for name, secret in COMPOSED["secrets"].items():
        assert re.fullmatch(r"\$\{[A-Z_]+_FILE:-deploy/none\}", secret["file"]), name
    assert (ROOT / "deploy" / "none").read_bytes() == b""


def test_every_file_that_is_mounted_is_there():
    mounted = [at for service in COMPOSED["services"].values() for at in service.get("volumes", []) if str(at).startswith("./")]
    assert mounted
    assert [at for at in mounted if not (ROOT / at.split(":")[0]).exists()] == []


def test_the_page_names_every_alert_and_every_variable():
    page = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
    rules = yaml.safe_load((ROOT / "deploy" / "monitoring" / "rules.yml").read_text(encoding="utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    variables = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8") + DEFAULTS))
    assert {name for name in alerts | variables if name not in page} == set()
