"""Write the dashboards of Grafana: ``python deploy/grafana/dashboards.py`` writes the JSON files beside it.

Each expression asks Prometheus for metrics of docs/metrics.md or for figures of deploy/compose/records.yml.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row, ThresholdsConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode, LegendDisplayMode
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

HERE = Path(__file__).resolve().parent
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")  # see deploy/compose/grafana.yml
Panel = stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel


@dataclass(frozen=True)
class Ask:
    """An expression, and the name of its lines: text with {{label}}."""

    expression: str
    name: str = ""


def one(metric: str) -> str:
    """Count the figures of several servers once: all of them read the same store."""
    return f"max without (instance, job) ({metric})"


def _targets(panel: Panel, asked: Sequence[Ask], *, now: bool = False) -> Panel:
    for number, ask in enumerate(asked):
        query = prometheus.Dataquery().expr(ask.expression).ref_id(chr(ord("A") + number)).legend_format(ask.name)
        panel.with_target(query.instant() if now else query.range())
    return panel.datasource(SOURCE)


def _limits(*steps: tuple[float | None, str]) -> ThresholdsConfig:
    found = [Threshold(value=value, color=color) for value, color in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def figure(
    title: str, about: str, asked: Ask, *, unit: str = "short", limits: Sequence[tuple[float | None, str]] = ()
) -> Panel:
    """One number, and a small curve of its past. limits : colour from each value on; the first value is None."""
    panel = stat.Panel().title(title).description(about).unit(unit).height(4).span(4).no_value("no data yet")
    panel.thresholds(_limits(*(limits or [(None, "text")])))
    return _targets(panel, [asked])


def curves(
    title: str, about: str, *asked: Ask, unit: str = "short", limit: float | None = None, most: float | None = None
) -> Panel:
    """Curves over time. limit : a line to compare with.  most : end of the axis."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).show_legend(True)
    panel = timeseries.Panel().title(title).description(about).unit(unit).height(8).span(12).min(0).legend(legend)
    panel.fill_opacity(10).no_value("no data yet")
    if most is not None:
        panel.max(most)
    if limit is not None:
        panel.thresholds(_limits((None, "text"), (limit, "red")))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return _targets(panel, asked)


def bars(title: str, about: str, asked: Ask, *, unit: str = "short", most: float | None = None) -> Panel:
    """A bar for each line, as it is now."""
    panel = bargauge.Panel().title(title).description(about).unit(unit).height(8).span(12).min(0)
    panel.no_value("no data yet").thresholds(_limits((None, "blue")))
    if most is not None:
        panel.max(most)
    return _targets(panel, [asked], now=True)


def rows(title: str, about: str, asked: Ask) -> Panel:
    """A table with a row for each series, as it is now."""
    panel = table.Panel().title(title).description(about).height(8).span(12).no_value("none")
    query = prometheus.Dataquery().expr(asked.expression).ref_id("A").instant().format(PromQueryFormat.TABLE)
    return panel.with_target(query).datasource(SOURCE)


def dashboard(uid: str, title: str, about: str, since: str, parts: dict[str, list[Panel]]) -> Dashboard:
    """A dashboard with a heading for each part."""
    made = Dashboard(title).uid(uid).description(about).tags(["turkish-music-emotion"]).timezone("browser")
    made.time(since, "now").refresh("1m").readonly().tooltip(DashboardCursorSync.CROSSHAIR)
    number = count(1)
    for heading, panels in parts.items():
        made.with_row(Row(heading).id(next(number)))
        for panel in panels:
            made.with_panel(panel.id(next(number)))
    return made


SECONDS = 'tme_clip_duration_seconds_bucket{{stage="{}"}}'


def _percentile(share: float, stage: str, window: str) -> str:
    bucket = one(f"rate({SECONDS.format(stage)}[{window}])")
    return f"histogram_quantile({share}, sum by (le) ({bucket}))"


def _hourly(metric: str, by: str) -> str:
    return f"sum by ({by}) ({one(f'increase({metric}[1h])')})"


def _promise() -> list[Panel]:
    promise = "1 - tme:clips_late:increase28d / tme:clips:increase28d"
    budget = "1 - (tme:clips_late:increase28d / tme:clips:increase28d) / 0.01"
    return [
        figure(
            "Promise",
            "Share of the clips of 28 days with an answer within 2 seconds. The promise is 99 %.",
            Ask(promise),
            unit="percentunit",
            limits=[(None, "red"), (0.99, "green")],
        ),
        figure(
            "Budget left",
            "1 % of the clips of 28 days may be late. This is what is left of them. Below 0 the promise is broken.",
            Ask(budget),
            unit="percentunit",
            limits=[(None, "red"), (0, "orange"), (0.25, "green")],
        ),
        figure(
            "95 of 100 clips within",
            "95th percentile of the time from the bytes to the decision, with the time in the line, in the last hour.",
            Ask(_percentile(0.95, "total", "1h")),
            unit="s",
            limits=[(None, "green"), (2, "red")],
        ),
        figure("Clips of the last day", "Scored or failed.", Ask("tme:clips:increase1d")),
        figure(
            "Failed in the last day",
            "Clips without an answer, because the program failed.",
            Ask("tme:clips_failed:increase1d"),
            limits=[(None, "green"), (1, "orange")],
        ),
        figure(
            "Servers that answer",
            "Servers and services that Prometheus reaches.",
            Ask("sum(up)"),
        ),
    ]


def _clips() -> list[Panel]:
    return [
        curves(
            "Clips by outcome",
            "In the hour before. Refused: the file holds no usable music. Failed: the program is at fault.",
            Ask(_hourly("tme_clips_total", "outcome"), "{{outcome}}"),
        ),
        curves(
            "Clips by way",
            "Where the clips of the hour before came from.",
            Ask(_hourly("tme_clips_total", "way"), "{{way}}"),
        ),
        curves(
            "Time of a clip",
            "Half, 95 and 99 of 100 clips had their answer within this time. The line is the promise.",
            *(Ask(_percentile(share, "total", "1h"), f"{share:.0%}") for share in (0.5, 0.95, 0.99)),
            unit="s",
            limit=2,
        ),
        curves(
            "Stages",
            "95th percentile of each stage of a clip in the hour before.",
            *(Ask(_percentile(0.95, stage, "1h"), stage) for stage in ("decode", "features", "model")),
            unit="s",
        ),
        curves(
            "Late clips",
            "Share of the clips of the window that were slow or had no answer. The line is the promise.",
            Ask("tme:clips_late:increase1h / tme:clips:increase1h", "1 hour"),
            Ask("tme:clips_late:increase6h / tme:clips:increase6h", "6 hours"),
            Ask("tme:clips_late:increase3d / tme:clips:increase3d", "3 days"),
            unit="percentunit",
            limit=0.01,
        ),
        curves(
            "The line",
            "Clips and explanations that wait for the processor, and those in work.",
            Ask("sum by (state) (tme_waiting_requests)", "{{state}}"),
        ),
        curves("Jobs", "Background jobs by state.", Ask(f"sum by (state) ({one('tme_jobs')})", "{{state}}")),
    ]


def _alerts() -> list[Panel]:
    return [
        rows("What rings now", "Each has a page in docs/runbooks.", Ask('ALERTS{alertstate="firing"}')),
        curves(
            "Alerts over time",
            "How many rang.",
            Ask('sum by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),
        ),
    ]


def service() -> Dashboard:
    """How many clips come, how fast the answers are, what fails, what rings."""
    return dashboard(
        "tme-service",
        "Service",
        "How many clips come, how fast the answers are, and what fails.",
        "now-24h",
        {"The promise": _promise(), "Clips": _clips(), "Alerts": _alerts()},
    )


def _now() -> list[Panel]:
    return [
        figure(
            "Days since the last training",
            "Of the champion.",
            Ask('(time() - max(tme_model_trained_timestamp_seconds{role="champion"})) / 86400'),
            unit="d",
        ),
        figure(
            "Macro-F1 on new labels",
            "On clips that people have labelled since. The interval is in the curve below.",
            Ask('max(tme_quality_f1_ratio{emotion="macro",bound="estimate"})'),
        ),
        figure(
            "Drifted share",
            "Share of the 50 features that differ from the training music, with false discoveries controlled.",
            Ask("max(tme_drift_drifted_ratio)"),
            unit="percentunit",
        ),
        figure(
            "Unlike the training music",
            "Share of the clips of 28 days.",
            Ask("max(tme_unlike_ratio)"),
            unit="percentunit",
        ),
        figure("Label queue", "Clips that wait for labels.", Ask("max(tme_label_queue_clips)")),
        figure(
            "Agreement",
            "Krippendorff's alpha of the answers: 1 is full agreement, 0 is chance.",
            Ask("max(tme_agreement_alpha)"),
        ),
    ]


def _answers() -> list[Panel]:
    return [
        curves(
            "Decisions",
            "Of the day before. Choose (two emotions) and review are not sure.",
            Ask(f"sum by (decision) ({one('increase(tme_decisions_total[1d])')})", "{{decision}}"),
        ),
        curves(
            "Guesses",
            "The most probable emotion of the clips of the day before, sure or not.",
            Ask(f"sum by (emotion) ({one('increase(tme_guesses_total[1d])')})", "{{emotion}}"),
        ),
        curves(
            "Not sure",
            "Share of the clips that the model did not decide.",
            Ask("max by (window) (tme_unsure_ratio)", "{{window}}"),
            unit="percentunit",
            most=1,
        ),
        curves(
            "Labels of people",
            "Answers of the seven days before.",
            Ask(f"sum by (way) ({one('increase(tme_label_answers_total[7d])')})", "{{way}}"),
        ),
    ]


def _quality() -> list[Panel]:
    return [
        curves(
            "Macro-F1",
            "On labelled clips, with its 95 % interval, beside the value that the model promises.",
            Ask('max by (bound) (tme_quality_f1_ratio{emotion="macro"})', "{{bound}}"),
            Ask('max(tme_quality_promised_f1_ratio{emotion="macro"})', "promised"),
            most=1,
        ),
        curves(
            "F1 by emotion",
            "On labelled clips. With few labels these values jump; look at their number.",
            Ask('max by (emotion) (tme_quality_f1_ratio{bound="estimate",emotion!="macro"})', "{{emotion}}"),
            most=1,
        ),
        curves(
            "Calibration error",
            "ECE, beside the value that a perfectly calibrated model shows at this number of clips.",
            Ask("max by (source) (tme_quality_ece_ratio)", "{{source}}"),
            most=1,
        ),
        curves(
            "Labelled clips",
            "Clips with a label of people and a prediction of the champion.",
            Ask("max(tme_quality_clips)", "clips"),
        ),
    ]


def _drift() -> list[Panel]:
    return [
        curves(
            "Drifted features",
            "Share of the features that differ from the training music, and where the alarm begins to ring.",
            Ask("max(tme_drift_drifted_ratio)", "drifted"),
            Ask("max(tme_drift_limit_ratio)", "the alarm rings"),
            unit="percentunit",
            most=1,
        ),
        bars(
            "Farthest features",
            "Kolmogorov-Smirnov distance of the judged weeks from the training music.",
            Ask("topk(10, max by (feature) (tme_drift_statistic))", "{{feature}}"),
            most=1,
        ),
        bars(
            "Highest PSI",
            "With few clips, PSI is high without any drift. The next panel shows how often.",
            Ask("topk(10, max by (feature) (tme_drift_psi))", "{{feature}}"),
        ),
        curves(
            "PSI above 0.2",
            "Share of the features with such a PSI, beside the share that chance gives with so few clips.",
            Ask("max(tme_drift_psi_ratio)", "measured"),
            Ask("max(tme_drift_psi_chance_ratio)", "by chance"),
            unit="percentunit",
            most=1,
        ),
    ]


def _alarms_and_models() -> list[Panel]:
    return [
        curves(
            "Alarms of watch",
            "1: the alarm rings.",
            Ask("max by (rule) (tme_alarm_active)", "{{rule}}"),
            most=1,
        ),
        curves(
            "By chance once in so many weeks",
            "Computed for the clips that come. All alarms together ring by chance at most once in 26 weeks.",
            Ask("min by (rule) (tme_alarm_chance_seconds) / 604800", "{{rule}}"),
            unit="none",
        ),
        rows("Models", "In use now.", Ask("max by (role, version, algorithm) (tme_model_info)")),
    ]


def model() -> Dashboard:
    """How good the model is on new music: labels, promise, calibration, drift, alarms."""
    return dashboard(
        "tme-model",
        "Model",
        "How good the model is on new music, and whether the music has changed.",
        "now-90d",
        {
            "Now": _now(),
            "Answers": _answers(),
            "Quality": _quality(),
            "Drift": _drift(),
            "Alarms and models": _alarms_and_models(),
        },
    )


DASHBOARDS = {"service.json": service, "model.json": model}


def as_text(made: Dashboard) -> str:
    """The dashboard as Grafana reads it."""
    return json.dumps(made.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file, make in DASHBOARDS.items():
        (HERE / file).write_text(as_text(make()), encoding="utf-8")
