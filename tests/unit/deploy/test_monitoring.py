"""Dashboard, alerts and scraping, held against the figures that the service really shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import index, picture, real_parts, running, search, settings_for, two_worlds, whole_calibration

promql_parser = pytest.importorskip("promql_parser", reason="expressions are read with promql-parser, of the dev extra")
MONITORING = Path(__file__).resolve().parents[3] / "deploy" / "monitoring"
ADDED = {"instance", "job"}  # by Prometheus itself
ENDINGS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
DASHBOARD = json.loads((MONITORING / "dashboards" / "bitlens.json").read_text(encoding="utf-8"))
RULES = [rule for group in yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"] for rule in group["rules"]]
SHOWN = {f"{panel['title']} {one['refId']}": one["expr"] for panel in DASHBOARD["panels"] for one in panel["targets"]}
EXPRESSIONS = {**SHOWN, **{rule["alert"]: rule["expr"] for rule in RULES}, "starts": DASHBOARD["annotations"]["list"][0]["expr"]}


def parsed(expression: str) -> Any:
    return promql_parser.parse(expression.replace("$__rate_interval", "5m").replace("$instance", ".*"))


def nodes(expression: Any) -> Iterator[Any]:
    yield expression
    for name in ("lhs", "rhs", "expr", "args", "vector_selector", "param"):
        found = getattr(expression, name, None)
        for one in found if isinstance(found, list) else [found]:
            if type(one).__module__.startswith(("promql_parser", "builtins")) and hasattr(one, "prettify"):
                yield from nodes(one)


def selectors(expression: str) -> list[Any]:
    return [node for node in nodes(parsed(expression)) if type(node).__name__ == "VectorSelector"]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What a service that has been used shows: labels by name of a series."""
    folder = tmp_path_factory.mktemp("service")
    calibration = replace(whole_calibration(), familiarity={"text": two_worlds()})
    with running(replace(real_parts(folder), calibration=calibration), settings_for(folder)) as client:
        index(client, {"id": "a", "text": "x", "image": "f"}, pictures={"f": picture("x")})
    with running(replace(real_parts(folder), calibration=calibration), settings_for(folder)) as client:  # with a snapshot
        index(client, {"id": "b", "text": "y"})
        search(client, "x")
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    names = {family.name + end: set[str]() for family in families for end in ENDINGS.get(family.type, ("",))}
    for one in (one for family in families for one in family.samples):
        names.setdefault(one.name, set()).update(one.labels)
    drifts = names["bitlens_drift_pairs"]  # the others of its kind have values after hundreds of searches only
    return names | {"bitlens_drift": drifts, "bitlens_drift_threshold": drifts, "bitlens_drifting": drifts, "up": set()}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_expression_is_of_series_and_labels_that_the_service_shows(figures, name):
    found = selectors(EXPRESSIONS[name])
    assert found
    for vector in found:
        assert vector.name in figures
        assert {matcher.name for matcher in vector.matchers.matchers} - ADDED <= figures[vector.name]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_summed_by_is_a_label(figures, name):
    by = {label for group in re.findall(r"\bby \(([^)]*)\)", EXPRESSIONS[name]) for label in group.replace(" ", "").split(",")}
    labels = set().union(*(figures[one.name] for one in selectors(EXPRESSIONS[name])))
    assert by - ADDED <= labels


def test_every_series_of_the_services_own_is_on_the_dashboard(figures):
    shown = {one.name for expression in EXPRESSIONS.values() for one in selectors(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in figures if name.startswith("bitlens_")}
    families -= {name for name in families if name.endswith("_created")}
    assert families - {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} == set()


def test_legends_and_texts_name_labels_of_what_they_tell(figures):
    told = {f"{panel['title']} {one['refId']}": one["legendFormat"] for panel in DASHBOARD["panels"] for one in panel["targets"]}
    told |= {rule["alert"]: " ".join(rule["annotations"].values()).replace("$labels.", "") for rule in RULES}
    for name, text in told.items():
        series = [one.name for one in selectors(EXPRESSIONS[name])]
        named = set(re.findall(r"\{\{ ?(\w+) ?\}\}", text))
        assert named <= ADDED.union(*(figures[one] for one in series)), name


def test_alerts_have_what_whoever_is_woken_needs():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_memory_is_told_of_before_the_limit_that_is_composed():
    (rule,) = (one for one in RULES if one["alert"] == "BitlensMemoryFills")
    (gib,) = re.findall(r"> 0\.8 \* (\d+) \* 1024 \^ 3$", rule["expr"])
    composed = yaml.safe_load((MONITORING.parents[1] / "docker-compose.yml").read_text())["services"]["api"]["mem_limit"]
    assert composed == f"{gib}g"


def test_panels_do_not_overlap_and_have_numbers_of_their_own():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_scraping_source_and_provider_fit_what_is_composed():
    scraping = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    source = yaml.safe_load((MONITORING / "grafana" / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((MONITORING / "grafana" / "dashboards" / "bitlens.yml").read_text())["providers"][0]
    services = yaml.safe_load((MONITORING.parents[1] / "docker-compose.yml").read_text())["services"]
    assert scraping["scrape_configs"][0]["static_configs"] == [{"targets": [f"api:{services['api']['environment']['PORT']}"]}]
    assert scraping["scrape_configs"][0]["job_name"] == "bitlens"
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    assert f"./deploy/monitoring/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
