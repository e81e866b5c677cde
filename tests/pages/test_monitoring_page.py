"""The Monitoring page: empty, with events, with a ringing alarm, and who may see it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from monitored import add_answers, add_clips, scored
from streamlit.testing.v1 import AppTest

from core.audio.decoding import Clip
from core.monitoring.alarm_state import State, save_state, settle
from core.monitoring.rules import Finding, Rule, Standing
from core.pipeline import kept_audio
from core.schema import COLUMNS
from core.settings import Settings
from core.store import Event, EventKind, record_events, set_role
from pages.views.monitoring import alarms, slices

TABS = ["Overview", "Traffic", "Speed", "Decisions", "Quality", "Drift", "Alarms", "Slices"]
NOW = datetime.now(UTC)


def texts(page):
    kinds = (page.markdown, page.caption, page.info, page.success, page.metric)
    return " ".join(str(e.value) for kind in kinds for e in kind)


def fill(db):
    """Events of the last days. Their times are those of this machine, because the page looks at the present."""
    ago = NOW - timedelta(days=1)
    add_clips(db, [{"id": f"c{k}", "makam": "Hicaz", "p": (0.1, 0.1, 0.1, 0.7), "predicted_at": ago, "stored_at": ago,
                    "path": "/nowhere/x.mp3" if k == 20 else None, "tempo": 100.0 + k} for k in range(25)])  # fmt: skip
    add_answers(db, [(f"c{k}", "sad", NOW) for k in range(25)])
    events = [scored(0, clip_id=f"c{k}", decision="accept", label="sad") for k in range(25)]
    features = {c: {"ks": 0.1, "q": 0.5, "psi": 0.1, "shift": 0.2, "drifted": False} for c in COLUMNS}
    features["_Tempo_Mean"] = {"ks": 0.6, "q": 1e-9, "psi": 1.5, "shift": 1.2, "drifted": True}
    about = {"features": features, "clips": 25, "from": (ago - timedelta(days=2)).isoformat(), "to": NOW.isoformat(),
             "limit": 0.2, "weeks": 130.0, "psi_share": 0.02, "psi_by_chance": 0.0}  # fmt: skip
    record_events(
        db,
        *(SimpleNamespace(**{**vars(e), "at": ago}) for e in events),
        Event(EventKind.DRIFT, model_version="m-1", value=0.02, about=about, at=NOW),
        Event(EventKind.PROMOTED, model_version="m-1", at=ago),
    )


def test_an_empty_product_says_what_will_appear_and_from_where(as_boss):
    for tab in TABS:
        page = as_boss("monitoring", tab=tab)
        said = " ".join(e.value for e in page.info)
        known = ("appear", "gets a line here", "The alarms were not checked yet")
        assert any(words in said for words in known), tab


def test_each_tab_shows_what_the_events_say(as_boss, db):
    fill(db)
    for tab, words in (
        ("Overview", "0 of 25 clips; 95 % interval 0 to 13 %"),
        ("Traffic", "By way"),
        ("Speed", "95 of 100 clips were answered in 0.50 s"),
        ("Decisions", "Accepted emotions"),
        ("Quality", "macro-F1 1.00 on 25 labelled recordings"),
        ("Drift", "**1 of 50 features is unlike the training music**"),
        ("Slices", "Groups with fewer than 30 clips say little"),
    ):
        page = as_boss("monitoring", tab=tab, period="7 days")
        assert words in texts(page) + " ".join(e.value for e in page.subheader), tab


def test_a_slice_shows_how_often_the_guess_was_right(as_boss, db):
    fill(db)
    table = as_boss("monitoring", tab="Slices", slice="Makam").dataframe[0].value
    assert table["makam"].tolist() == ["Hicaz"]
    assert table[["clips", "labelled"]].iloc[0].tolist() == [25, 25]
    assert table["right"].tolist() == ["100 % (87 to 100 %)"]


def test_the_clips_behind_a_drifted_feature_come_with_the_farthest_first(as_boss, db):
    fill(db)
    page = as_boss("monitoring", tab="Drift", feature="Tempo (bpm)")
    table = next(d.value for d in page.dataframe if "sound" in d.value.columns)
    assert table["clip"].tolist()[:2] == ["c24.mp3", "c23.mp3"]
    assert table["sound"].value_counts().to_dict() == {"not stored": 19, "yes": 1}


def test_a_ringing_alarm_says_what_to_do_now(as_boss, db):
    finding = Finding(
        Rule.UNSURE, Standing.RINGS, 0.4, 0.35, 130.0, 900, "360 of 900 clips got no sure answer.",
        by_chance="At 900 clips a week this rings by chance at most once in 130 weeks.",
    )  # fmt: skip
    state, events = settle(State(), finding, now=NOW, model_version="m-1")
    save_state(db, state)
    record_events(db, *events)
    said = texts(as_boss("monitoring", tab="Overview"))
    assert "rings] **Unsure answers**" in said
    assert "**Do this:** Look whether the alarm about drift rings too" in said
    page = as_boss("monitoring", tab="Alarms")
    assert "**Unsure answers** (● rings). 360 of 900 clips" in texts(page)
    (history,) = (d.value for d in page.dataframe)
    assert history["what happened"].tolist() == ["● started"]


def test_every_alarm_and_every_slice_has_its_place():
    assert set(alarms.PLACES) == set(Rule)
    assert {tab for tab, _, _ in alarms.PLACES.values()} <= set(TABS)
    assert len(set(slices.BY.values())) == len(slices.BY)


def test_a_rater_is_told_how_to_become_an_analyst_and_sees_no_figure(open_page, db):
    fill(db)
    set_role(db, "Ayşe", "rater")
    page = open_page("monitoring", as_person="Ayşe")
    assert "This page is for analysts." in " ".join(e.value for e in page.info)
    assert not page.metric
    assert not page.dataframe


def _play_a_clip(path):
    import pandas as pd

    from pages.shared import cached
    from pages.views.monitoring import drift

    row = pd.Series({"clip_id": 64 * "a", "path": path, "start_s": 0.0, "duration_s": 5.0, "file_name": "a.mp3"})
    drift._play(cached.store(), row)


def test_a_clip_with_sound_is_played(db):
    sound = Clip(64 * "a", np.sin(np.arange(16_000) / 20), 8000)
    kept_audio.keep_audio(sound, kept_audio.folder(Settings()))
    page = AppTest.from_function(_play_a_clip, kwargs={"path": "a.flac"}, default_timeout=60)
    page.session_state["who"] = "Boss"
    page.run()
    assert not page.exception
    assert not page.caption
    assert len(page.get("audio")) == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [(None, "The sound of this clip is not stored"), ("c1.flac", "The audio of this clip is no longer there")],
)
def test_a_clip_without_sound_says_why_it_cannot_be_played(db, path, words):
    page = AppTest.from_function(_play_a_clip, kwargs={"path": path}, default_timeout=60)
    page.session_state["who"] = "Boss"
    page.run()
    assert not page.exception
    assert words in page.caption[0].value
