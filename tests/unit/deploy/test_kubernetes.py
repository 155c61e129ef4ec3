"""The manifests under ``deploy/k8s``: true to Kubernetes' schemas, and to the application that they run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.keys import open_keys
from app.settings import Settings, load_settings, variable_of
from tests.builders import fake_parts, running, settings_for
from tests.manifests import BUILDS, K8S, ROOT, built, containers, documents, of_kind, one, selects, serving, templates

OLDEST, NEWEST = "1.29", "1.37"
CRDS = {"ServiceMonitor"}
every_build = pytest.mark.parametrize("name", BUILDS)


@pytest.fixture
def answers(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        yield client


@every_build
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_manifest_is_what_its_schema_says(name, version):
    known = [each for each in built(name) if each["kind"] not in CRDS]
    assert len(known) >= 10
    assert {kubernetes_validate.validate(each, version, strict=True) for each in known} == {version}


def test_what_restores_waits_to_be_asked_does_what_readers_do_and_has_the_overlays_image():
    job = one("overlays/readers", "CronJob", "restore")["spec"]
    assert job["suspend"] is True
    spec = job["jobTemplate"]["spec"]["template"]["spec"]
    restore = next(each for _, each in containers("overlays/readers") if each["name"] == "restore")
    assert spec["containers"] == [{**restore, "name": "restore-writer"}]
    claims = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"][:2]}
    assert claims == {
        "data": "data-api-0",
        "backups": one("overlays/readers", "PersistentVolumeClaim", "backups")["metadata"]["name"],
    }


def test_readers_take_an_overlays_image_and_settings_and_change_nothing_of_it():
    assert [each for each in built("overlays/example") if each not in built("overlays/readers")] == []
    images = {each["image"] for _, each in containers("overlays/readers") if not each["image"].startswith("redis:")}
    assert images == {"registry.example.org/bitlens:0.1.0"}
    told = {str(container["envFrom"]) for _, container in serving("overlays/readers")}
    assert len(told) == 1


def test_an_overlay_of_ones_own_needs_one_line_for_readers(tmp_path):
    text = (K8S / "overlays" / "example" / "kustomization.yaml").read_text(encoding="utf-8")
    assert text.count("  # - ../../components/readers") == 1
    shutil.copytree(K8S, tmp_path / "k8s")
    own = text.replace("# - ../../components/readers", "- ../../components/readers")
    (tmp_path / "k8s" / "overlays" / "example" / "kustomization.yaml").write_text(own, encoding="utf-8")
    made = built(str(tmp_path / "k8s" / "overlays" / "example"))
    assert sorted(map(str, made)) == sorted(map(str, built("overlays/readers")))


def test_the_examples_of_secrets_are_what_their_schema_says_and_a_wrong_field_is_told():
    for secret in documents("secrets.example.yaml"):
        kubernetes_validate.validate(secret, NEWEST, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError, match="stringDate"):
        kubernetes_validate.validate({**secret, "stringDate": {}}, NEWEST, strict=True)


@every_build
def test_everything_lies_in_one_namespace(name):
    assert {each["metadata"].get("namespace") for each in built(name) if each["kind"] != "Namespace"} == {"bitlens"}
    assert one(name, "Namespace", "bitlens")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


# --- the pods ---


@every_build
def test_every_container_may_do_nothing_but_its_work(name):
    for spec, container in containers(name):
        of_pod, own = spec["securityContext"], container["securityContext"]
        assert (of_pod["runAsNonRoot"], of_pod["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
        assert own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}


@every_build
def test_ours_run_as_the_images_user(name):
    user, group = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)[-1]
    ours = [spec["securityContext"] for spec, container in containers(name) if "bitlens" in container["image"]]
    assert ours
    assert {(of["runAsUser"], of["runAsGroup"], of["fsGroup"]) for of in ours} == {(int(user), int(group), int(group))}


@every_build
def test_what_a_container_writes_to_is_mounted_and_what_it_mounts_is_there(name):
    for spec, container in containers(name):
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        claims = {each["metadata"]["name"] for each in one(name, "StatefulSet", "api")["spec"]["volumeClaimTemplates"]}
        assert mounts.keys() <= {volume["name"] for volume in spec["volumes"]} | claims
        if "bitlens" in container["image"]:
            assert {"/data", "/tmp"} <= set(mounts.values())  # noqa: S108 - the image's HOME


@every_build
def test_probes_ask_for_routes_that_need_no_key_on_the_port_that_is_listened_on(name, answers):
    for _, container in serving(name):
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {kind: probe["path"] for kind, probe in probes.items()} == {
            "startup": "/livez",
            "liveness": "/livez",
            "readiness": "/readyz",
        }
        assert {answers.get(probe["path"]).status_code for probe in probes.values()} == {200}
        described = answers.get("/openapi.json").json()["paths"]
        assert ["x-role" in described[probe["path"]]["get"] for probe in probes.values()] == [False] * 3
        assert {probe["port"] for probe in probes.values()} == {port["name"] for port in container["ports"]}


@every_build
def test_the_environment_is_made_of_settings_that_exist(name, monkeypatch, tmp_path):
    (given,) = (each["data"] for each in of_kind(name, "ConfigMap"))
    (tmp_path / "url").write_text("redis://:x@redis:6379/0")
    for _, container in serving(name):
        own = {each["name"]: each["value"] for each in container["env"]}
        assert {"BITLENS_KEYS_FILE", "REDIS_URL_FILE"} == own.keys()
        for variable, value in {**given, **own, "REDIS_URL_FILE": str(tmp_path / "url")}.items():
            monkeypatch.setenv(variable, value)
        settings = load_settings()
        assert {variable.removesuffix("_FILE") for variable in given} <= {variable_of(each) for each in Settings.model_fields}
        assert (settings.host, settings.port) == ("0.0.0.0", container["ports"][0]["containerPort"])  # noqa: S104
        assert str(settings.data_dir) in {mount["mountPath"] for mount in container["volumeMounts"]}


@every_build
def test_a_pod_is_given_the_time_that_it_takes_to_stop(name):
    (given,) = (each["data"] for each in of_kind(name, "ConfigMap"))
    stopping = float(given["BITLENS_DRAIN_S"]) + float(given["BITLENS_SHUTDOWN_GRACE_S"])
    assert all(spec["terminationGracePeriodSeconds"] >= stopping + 30 for spec, _ in serving(name))  # and a snapshot
    assert all(
        float(given["BITLENS_DRAIN_S"]) < 2 * container["readinessProbe"]["periodSeconds"] + 5 for _, container in serving(name)
    )


@every_build
def test_the_folder_that_one_process_may_hold_has_one_process(name):
    api = one(name, "StatefulSet", "api")["spec"]
    assert (api["replicas"], api["volumeClaimTemplates"][0]["spec"]["accessModes"]) == (1, ["ReadWriteOnce"])
    scaled = [each["spec"]["scaleTargetRef"]["name"] for each in of_kind(name, "HorizontalPodAutoscaler")]
    assert "api" not in scaled
    serves_it = [spec for spec, _ in serving(name) for volume in spec["volumes"] if "data-api-0" in str(volume)]
    assert serves_it == []


@every_build
def test_secrets_are_those_of_the_example(name):
    shown = {each["metadata"]["name"]: set(each["stringData"]) for each in documents("secrets.example.yaml")}
    for spec, container in containers(name):
        secrets = {volume["name"]: volume["secret"] for volume in spec["volumes"] if "secret" in volume}
        for mount in [each for each in container["volumeMounts"] if each["name"] in secrets]:
            secret = secrets[mount["name"]]
            assert {item["key"] for item in secret.get("items", [])} <= shown[secret["secretName"]]
            assert mount["readOnly"] is True
            for variable in [each for each in container.get("env", ()) if each["value"].startswith(mount["mountPath"] + "/")]:
                assert Path(variable["value"]).name in shown[secret["secretName"]]


def test_the_keys_of_the_example_can_be_read_and_readers_get_none_that_writes(tmp_path):
    shown = {each["metadata"]["name"]: each["stringData"] for each in documents("secrets.example.yaml")}
    for secret, roles in (("bitlens-keys", {"read", "write"}), ("bitlens-reader-keys", {"read"})):
        (tmp_path / "keys").write_text(shown[secret]["keys"])
        assert open_keys(None, tmp_path / "keys") is not None
        assert set(re.findall(r"^\w+:(\w+):", shown[secret]["keys"], re.MULTILINE)) == roles


# --- who reaches whom ---


@every_build
def test_selectors_find_their_pods_and_no_others(name):
    labels = [each["metadata"]["labels"] for each in templates(name)]
    for each in of_kind(name, "Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
        assert sum(selects(each["spec"]["selector"], of_pod) for of_pod in labels) == 1, each["metadata"]["name"]
    for policy in of_kind(name, "NetworkPolicy"):
        wanted = policy["spec"]["podSelector"]
        assert sum(selects(wanted, of_pod) for of_pod in labels) == (1 if wanted else len(labels))


@every_build
def test_services_lead_to_ports_that_are_listened_on_and_policies_let_them_through(name):
    for service in of_kind(name, "Service"):
        (template,) = (each for each in templates(name) if selects(service["spec"]["selector"], each["metadata"]["labels"]))
        ports = {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == ports
        (policy,) = (
            each["spec"]
            for each in of_kind(name, "NetworkPolicy")
            if each["spec"]["podSelector"] and selects(each["spec"]["podSelector"], template["metadata"]["labels"])
        )
        assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == ports


@every_build
def test_pods_reach_redis_and_names_and_nothing_else(name):
    nothing = one(name, "NetworkPolicy", "nothing-by-default")["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    redis = one(name, "Deployment", "redis")["spec"]["template"]["metadata"]["labels"]
    for policy in [each["spec"] for each in of_kind(name, "NetworkPolicy") if "egress" in each["spec"]]:
        to_redis, to_names = policy["egress"]
        assert [selects(peer["podSelector"], redis) for peer in to_redis["to"]] == [True]
        assert {port["port"] for port in to_names["ports"]} == {53}
    assert "egress" not in one(name, "NetworkPolicy", "redis")["spec"]


# --- figures ---


@pytest.mark.parametrize("name", ["overlays/example", "overlays/readers"])
def test_prometheus_is_shown_where_the_figures_are_and_given_a_key(name, answers):
    monitor = one(name, "ServiceMonitor", "bitlens")["spec"]
    (endpoint,) = monitor["endpoints"]
    services = [each for each in of_kind(name, "Service") if selects(monitor["selector"], each["metadata"]["labels"])]
    assert {each["metadata"]["name"] for each in services} == {"api", "readers"} & {s["metadata"]["name"] for s in built(name)}
    assert all(endpoint["port"] in {port["name"] for port in each["spec"]["ports"]} for each in services)
    assert answers.get("/openapi.json").json()["paths"][endpoint["path"]]["get"]["x-role"] == "read"
    shown = {each["metadata"]["name"]: each["stringData"] for each in documents("secrets.example.yaml")}
    credentials = endpoint["authorization"]["credentials"]
    assert credentials["key"] in shown[credentials["name"]]


def test_readers_are_scaled_by_a_figure_that_the_service_tells(answers):
    ((rule,),) = (each["rules"]["custom"] for each in documents("components/readers/prometheus-adapter.yaml"))
    scaler = one("overlays/readers", "HorizontalPodAutoscaler", "readers")["spec"]
    (metric,) = scaler["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    series = rule["seriesQuery"].partition("{")[0]
    assert re.fullmatch(rule["name"]["matches"], series)
    families = text_string_to_metric_families(answers.get("/metrics").text)
    pools = {sample.labels["pool"] for family in families for sample in family.samples if sample.name == series}
    asked = set(re.search(r'pool=~"([^"]+)"', rule["metricsQuery"])[1].split("|"))
    assert asked == pools - {"writing"}  # readers write nothing
    assert int(metric["pods"]["target"]["averageValue"]) == Settings().max_batch < Settings().max_waiting


def test_the_scaled_deployment_leaves_its_size_to_the_scaler():
    scaler = one("overlays/readers", "HorizontalPodAutoscaler", "readers")["spec"]
    readers = one("overlays/readers", scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"])["spec"]
    assert "replicas" not in readers
    assert scaler["minReplicas"] >= 2  # so that one may be moved
    copy = next(volume for volume in readers["template"]["spec"]["volumes"] if volume["name"] == "data")
    assert copy.keys() == {"name", "emptyDir"}


def test_no_file_under_deploy_is_left_out():
    used = {"secrets.example.yaml", "components/readers/prometheus-adapter.yaml"}
    for path in K8S.rglob("kustomization.yaml"):
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        named = [*said["resources"], *(env for each in said.get("configMapGenerator", ()) for env in each.get("envs", ()))]
        used |= {(path.parent / each).relative_to(K8S).as_posix() for each in (*named, path.name) if (path.parent / each).is_file()}
    assert {path.relative_to(K8S).as_posix() for path in K8S.rglob("*") if path.is_file()} == used


def test_the_page_names_files_that_are_there():
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"deploy/k8s[\w./-]*\w", page))
    assert [each for each in named if not (ROOT / each).exists()] == []
    assert {f"deploy/k8s/{build}" for build in BUILDS} <= named
    named_by_page = set(
        re.findall(r"(?:create|delete|logs|wait|restart|status|scale)[^\n]*?\b(cronjob|deployment|statefulset)/(\w+)", page)
    )
    kinds = {"cronjob": "CronJob", "deployment": "Deployment", "statefulset": "StatefulSet"}
    assert named_by_page
    assert all(one("overlays/readers", kinds[kind], called) for kind, called in named_by_page)
    assert OLDEST in page
    assert NEWEST in page
