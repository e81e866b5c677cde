"""The alerts of Prometheus: rule tests, a page for each, and how often each rings by chance."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from real_prometheus import program
from scipy.optimize import brentq

ROOT = Path(__file__).resolve().parent.parent
COMPOSE, PAGES, CASES = ROOT / "deploy" / "compose", ROOT / "docs" / "runbooks", ROOT / "tests" / "alerts"
RULES = [
    rule for group in yaml.safe_load((COMPOSE / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
HEADINGS = ["What it means", "Look here", "Do this", "Undo"]
PAIR = re.compile(r"(tme:\w+):increase\w+ - ([\d.* ]+) \* tme:\w+:increase\w+ > (\d+)")
# The share of bad clips that is still fine: an alert at this share is a false alarm.
FINE = {"ClipsSlow": 0.01, "ClipsFail": 0.002, "PromiseBurnsFast": 0.01, "PromiseBurnsSlowly": 0.005}
A_WEEK = 2000  # clips


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_and_amtool_accept_the_files(tmp_path):
    for name in ("alerts.yml", "records.yml"):
        run(program("promtool"), "check", "rules", "--lint-fatal", COMPOSE / name)
        (tmp_path / name).write_bytes((COMPOSE / name).read_bytes())
    key, config = tmp_path / "metrics_key", tmp_path / "prometheus.yml"
    key.write_text("key")  # promtool looks whether it is there
    text = (COMPOSE / "prometheus.yml").read_text("utf-8")
    config.write_text(text.replace("/etc/prometheus/metrics_key", str(key)))
    run(program("promtool"), "check", "config", config)
    run(program("amtool"), "check-config", COMPOSE / "alertmanager.yml")


def test_each_alert_has_a_page_and_no_page_is_left_over():
    assert len(NAMES) == len(set(NAMES))
    pages = {rule["annotations"]["runbook"] for rule in RULES}
    assert {f"docs/runbooks/{path.name}" for path in PAGES.iterdir()} == pages
    for rule in RULES:
        text = (ROOT / rule["annotations"]["runbook"]).read_text("utf-8")
        assert re.findall(r"^## (.*)", text, re.MULTILINE) == HEADINGS, rule["alert"]
        assert f"`{rule['alert']}`" in text
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "chance", "runbook"}


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name):
    text = (CASES / f"{name}.yml").read_text("utf-8")
    asked = [case for test in yaml.load(text, yaml.CSafeLoader)["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in asked} == {name}
    assert {bool(case.get("exp_alerts")) for case in asked} == {True, False}


def test_alerts_fire_in_their_cases_and_only_there():
    """Promtool agrees with all cases, and names the file of one with which it does not."""
    run(program("promtool"), "test", "rules", *sorted(CASES.glob("*.yml")))


def decay(fine: float, allowed: float) -> float:
    """How fast the chance of an excess falls, for clips that are bad with the share ``fine``.

    The excess of bad clips over ``allowed`` is a random walk that falls on average. The chance that its highest rise so
    far exceeds c is at most exp(-decay * c), after Kingman (1964).
    """
    return brentq(lambda t: fine * np.exp(t * (1 - allowed)) + (1 - fine) * np.exp(-t * allowed) - 1, 1e-6, 50)


def chance_per_clip(rule: dict) -> float:
    """At most this chance that an alert begins with a clip, whatever the window is."""
    pairs = {
        (float(np.prod([float(x) for x in share.split("*")])), int(more))
        for _, share, more in PAIR.findall(rule["expr"])
    }
    assert pairs
    return sum(np.exp(-decay(FINE[rule["alert"]], allowed) * more) for allowed, more in pairs)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule["alert"] in FINE], ids=lambda rule: rule["alert"])
def test_an_alert_on_clips_rings_by_chance_less_often_than_it_says(rule):
    weeks = 1 / (A_WEEK * chance_per_clip(rule))
    said = re.search(
        r"At ([\d,]+) clips a week this rings by chance less than once in (\d+) weeks", rule["annotations"]["chance"]
    )
    assert int(said[1].replace(",", "")) == A_WEEK
    assert 26 <= int(said[2]) <= weeks
    row = next(
        line for line in (ROOT / "docs" / "alerts.md").read_text("utf-8").splitlines() if f"[`{rule['alert']}`]" in line
    )
    assert f"once in {int(weeks)} weeks or less often" in row


def test_the_bound_holds_for_simulated_clips():
    """A bound of once in 5,000 clips, so that a simulation sees alarms: the walk that starts again below 0."""
    fine, allowed, more = 0.01, 0.05, 3
    bad = np.random.default_rng(0).random(1_000_000) < fine
    walk = np.concatenate([[0.0], np.cumsum(bad - allowed)])
    rise = walk - np.minimum.accumulate(walk)
    begins = ((rise[1:] > more) & (rise[:-1] <= more)).mean()
    assert 0 < begins <= np.exp(-decay(fine, allowed) * more)
