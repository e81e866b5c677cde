"""Clips: the answer and the rows of Predict, reasons, what is stored, and whose it is."""

import io
import shutil

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa

from core import store
from core.access import Role
from core.pipeline import scoring
from core.schema import EMOTIONS
from core.store import Scope
from core.store.schema import clips, features, predictions, tracks

TIMES = {"created_at", "latency_s", "id", "used_at"}


def rows(opened, table, where):
    """The rows of a table without the columns that hold a time or a number of the row."""
    with opened.engine.connect() as connection:
        found = connection.execute(sa.select(table).where(where)).mappings().all()
    return [{name: value for name, value in row.items() if name not in TIMES} for row in found]


@pytest.fixture(scope="module")
def long_wav():
    """A minute of noise bursts: three windows answer for it."""
    rng = np.random.default_rng(5)
    t = np.arange(60 * 8000) / 8000
    y = 0.3 * np.sin(2 * np.pi * 220 * t) * (1 + np.sin(2 * np.pi * 1.7 * t)) + 0.02 * rng.standard_normal(t.size)
    buffer = io.BytesIO()
    soundfile.write(buffer, y, 8000, format="FLAC")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["form", "body"])
def test_the_same_bytes_give_the_answer_and_the_rows_of_predict(api, migrated, tmp_path, long_wav, kind):
    headers = api.headers("predict " + kind)
    if kind == "form":
        answer = api.client.post("/v1/clips", files={"file": ("Şarkı.flac", long_wav)}, headers=headers)
    else:
        answer = api.client.post("/v1/clips?name=Şarkı.flac", content=long_wav, headers=headers)
    assert answer.status_code == 200, answer.text
    said = answer.json()

    opened = store.open_store(f"sqlite:///{shutil.copy(migrated, tmp_path)}")
    person = api.store_of("predict " + kind).by
    mine, served = opened.asked_by(lambda: person), api.service.served()
    scored, file = scoring.score_own(
        long_wav, "Şarkı.flac", served, policy=served.policy, store=mine, origin="upload", max_mb=200
    )
    kept = scoring.keep_clip(scored, file, served, mine)

    assert said["clip_id"] == kept.clip_id
    assert said["probabilities"] == dict(kept.prediction.proba)
    assert said["decision"]["reason"] == kept.decision.reason
    assert said["decision"]["status"] == kept.decision.action
    assert said["unlike"]["flag"] == kept.unlike.flag
    assert [remark["text"] for remark in said["remarks"]] == [remark.text for remark in kept.recording.remarks]
    assert len(said["heard"]) == 3
    assert said["heard_s"] == pytest.approx(50.02)
    for table, where in (
        (clips, clips.c.content_hash == file.content_hash),
        (features, features.c.clip_id.like(f"{kept.clip_id}%")),
        (predictions, predictions.c.clip_id == kept.clip_id),
        (tracks, tracks.c.id == file.content_hash),
    ):
        stored = rows(api.opened, table, where)
        assert stored == rows(opened, table, where)
        assert stored or table is tracks


def test_reasons_come_in_words_and_numbers_and_add_up(api, wav):
    said = api.client.post("/v1/clips?explain=5", files={"file": ("a.wav", wav)}, headers=api.headers()).json()
    reasons = said["explanation"]["reasons"]
    assert len(reasons) == 5
    assert all(
        reason["sentence"][0].isupper() and "%" in reason["sentence"] or reason["sentence"] for reason in reasons
    )
    assert [abs(r["shap"]) for r in reasons] == sorted((abs(r["shap"]) for r in reasons), reverse=True)
    total = said["explanation"]["base"] + sum(r["shap"] for r in reasons) + said["explanation"]["others"]
    assert total == pytest.approx(said["probabilities"][said["guess"]], abs=0.02)
    everything = api.client.post("/v1/clips?explain=50", content=wav, headers=api.headers()).json()["explanation"]
    assert len(everything["reasons"]) == 50
    assert everything["others"] == 0


def test_nothing_is_stored_when_the_caller_does_not_want_it(api, long_wav):
    headers = api.headers("stores nothing")
    said = api.client.post("/v1/clips?store=false", content=long_wav + b"\0", headers=headers)
    assert said.json()["stored"] == {"prediction_id": None, "problem": ""}
    assert rows(api.opened, clips, clips.c.id == said.json()["clip_id"]) == []
    assert api.client.get(f"/v1/clips/{said.json()['clip_id']}", headers=headers).status_code == 404


def test_a_clip_is_read_and_erased_by_its_key_and_is_not_found_by_others(api, wav):
    mine, other = api.headers("owner", Role.RATER), api.headers("other", Role.ANALYST)
    said = api.client.post("/v1/clips", content=wav, headers=mine).json()
    address = f"/v1/clips/{said['clip_id']}"
    stored = api.client.get(address, headers=mine).json()
    assert stored["prediction_id"] == said["stored"]["prediction_id"]
    assert stored["probabilities"] == pytest.approx(said["probabilities"])
    assert stored["decision"] == said["decision"]
    for ask in (api.client.get, api.client.delete):
        refused = ask(address, headers=other)
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (404, "not-found")
    assert api.client.get(address, headers=mine).status_code == 200
    assert api.client.delete(address, headers=mine).status_code == 204
    assert api.client.get(address, headers=mine).status_code == 404
    assert api.client.delete(address, headers=mine).status_code == 404


def test_a_new_key_of_the_same_name_sees_the_clips(api, wav):
    first = api.headers("renewed", Role.RATER)
    said = api.client.post("/v1/clips", content=wav, headers=first).json()
    later = api.headers("renewed", Role.RATER, (Scope.SCORE,))
    assert first != later
    assert api.client.get(f"/v1/clips/{said['clip_id']}", headers=later).status_code == 200


def _silence():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(44_100), 44_100, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        (b"", 422, "audio", "is empty"),
        (b"%PDF-1.7 " + b"x" * 200, 415, "not-audio", "PDF"),
        (_silence(), 422, "audio", "silent"),
        (_silence()[:3000], 422, "audio", "truncated"),
    ],
)
def test_what_is_no_music_is_refused_with_the_sentence_of_the_pages(api, body, status, kind, words):
    answer = api.client.post("/v1/clips", content=body, headers=api.headers())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:turkish-music-emotion:problem:{kind}"
    assert words in answer.json()["detail"]


def test_a_form_needs_exactly_one_file(api, wav):
    two = [("file", ("a.wav", wav)), ("file", ("b.wav", wav))]
    for files in (two, [("other", ("a.wav", wav))]):
        answer = api.client.post("/v1/clips", files=files, headers=api.headers())
        assert answer.status_code == 422
        assert "exactly one file" in answer.json()["detail"]
    broken = {"Content-Type": "multipart/form-data; boundary=x"} | api.headers()
    answer = api.client.post("/v1/clips", content=b"--x\r\nnonsense", headers=broken)
    assert answer.status_code in (400, 422)


def test_features_are_those_of_the_command(api, wav, tmp_path):
    from typer.testing import CliRunner

    from core.__main__ import app
    from core.source_note import without_header

    (tmp_path / "a.wav").write_bytes(wav)
    printed = CliRunner().invoke(app, ["features", str(tmp_path / "a.wav"), "--format", "csv"]).stdout.splitlines()
    names, values = (line.split(",") for line in printed)
    answer = api.client.post("/v1/features", content=wav, headers=api.headers()).json()
    known = dict(zip((name.strip('"') for name in names), values, strict=True))
    assert len(answer["features"]) == 50
    assert [float(known[f["feature"]]) for f in answer["features"]] == [f["value"] for f in answer["features"]]
    table = api.client.post("/v1/features?format=csv", content=wav, headers=api.headers())
    assert table.headers["content-type"].startswith("text/csv")
    head, row = without_header(table.content.decode("utf-8-sig")).splitlines()
    assert float(dict(zip(head.replace('"', "").split(","), row.split(","), strict=True))["_Tempo_Mean"]) == float(
        known["_Tempo_Mean"]
    )


def test_a_recording_has_its_mood_over_time(api, long_wav):
    answer = api.client.post("/v1/tracks?window_s=30&hop_s=15", content=long_wav, headers=api.headers())
    said = answer.json()
    assert answer.status_code == 200, answer.text
    assert [(w["start_s"], w["end_s"]) for w in said["windows"]] == [(0, 30), (15, 45), (30, 60)]
    mean = {e: np.mean([w["probabilities"][e] for w in said["windows"]]) for e in EMOTIONS}
    assert said["mood"]["probabilities"] == pytest.approx(mean)
    assert {one["emotion"] for one in said["steadiest"]} == set(EMOTIONS)
    refused = api.client.post("/v1/tracks?window_s=30&hop_s=40", content=long_wav, headers=api.headers())
    assert (refused.status_code, "hop" in refused.json()["detail"]) == (422, True)


def test_own_clips_are_listed_page_by_page_and_nobody_elses(api):
    mine, headers = api.store_of("lister", Role.RATER), api.headers("lister", Role.RATER)
    for number in range(3):
        given = {"duration_s": 20.0, "sr": 22050, "content_hash": f"{number:064x}"}
        store.add_clip(mine, f"{number:064x}", file_name=f"{number}.wav", **given)
        store.claim_clip(mine, f"{number:064x}", shared=False)
    first = api.client.get("/v1/clips?limit=2", headers=headers).json()
    second = api.client.get(f"/v1/clips?limit=2&cursor={first['next']}", headers=headers).json()
    assert (first["total"], len(first["clips"]), second["next"]) == (3, 2, None)
    assert sorted(one["name"] for one in first["clips"] + second["clips"]) == ["0.wav", "1.wav", "2.wav"]
    stranger = api.headers("another lister", Role.RATER)
    assert api.client.get("/v1/clips", headers=stranger).json() == {"total": 0, "clips": [], "next": None}
    assert api.client.get(f"/v1/clips?cursor={first['next']}", headers=stranger).status_code == 422
