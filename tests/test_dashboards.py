"""The dashboards of Grafana are what the script writes, and name figures that exist."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GRAFANA, COMPOSE = ROOT / "deploy" / "grafana", ROOT / "deploy" / "compose"
FILES = sorted(GRAFANA.glob("*.json"))


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("dashboards", GRAFANA / "dashboards.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_files_are_what_the_script_writes(script):
    written = {name: script.as_text(make()) for name, make in script.DASHBOARDS.items()}
    assert {path.name: path.read_text("utf-8") for path in FILES} == written


def figures_named(text: str) -> set[str]:
    return set(re.findall(r"\btme[_:][a-z0-9_:]+", text))


def documented() -> set[str]:
    """The figures of docs/metrics.md, with the series of the histogram, and those of the recording rules."""
    names = figures_named((ROOT / "docs" / "metrics.md").read_text("utf-8"))
    rules = yaml.safe_load((COMPOSE / "records.yml").read_text("utf-8"))["groups"]
    records = {rule["record"] for group in rules for rule in group["rules"]}
    return names | records | {f"tme_clip_duration_seconds_{end}" for end in ("bucket", "count", "sum")}


@pytest.mark.parametrize("path", [*FILES, COMPOSE / "alerts.yml", COMPOSE / "records.yml"], ids=lambda path: path.name)
def test_each_figure_is_documented(path):
    named = figures_named(path.read_text("utf-8"))
    assert named
    assert named - documented() == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_panel_says_what_it_shows_and_asks_the_source_that_grafana_has(path):
    board = json.loads(path.read_text("utf-8"))
    source = yaml.safe_load((COMPOSE / "grafana.yml").read_text("utf-8"))["datasources"][0]
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == source["uid"]
        assert panel["targets"]


def test_compose_gives_grafana_the_dashboards():
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))["services"]
    provider = yaml.safe_load((COMPOSE / "dashboards.yml").read_text("utf-8"))["providers"][0]
    mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    assert mounted["./grafana"] == provider["options"]["path"]
    rules = {volume.split(":")[0] for volume in services["prometheus"]["volumes"]}
    config = yaml.safe_load((COMPOSE / "prometheus.yml").read_text("utf-8"))
    assert {f"./compose/{name}" for name in config["rule_files"]} <= rules
