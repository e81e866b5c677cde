"""Pieces, playlists, feedback about pieces, and runs over many files."""

import io
import json
import uuid

import libraries
import mood_library
import pandas as pd
import pytest

from core import store
from core.access import Role
from core.api.routes import playlists
from core.labelling.whose_word import own_words
from core.library import launching, run
from core.playlists.playlist import Pool
from core.records import Remark, RemarkKind
from core.schema import EMOTIONS
from core.source_note import without_header

THERAPIST = ("therapist", Role.THERAPIST)


@pytest.fixture(scope="module")
def pieces(api):
    """A library of 16 pieces of the model in use; returns their hashes."""
    folder = api.service.settings.library_dir / "Kaset"
    titles = ["Gül Bahçesi", "ISLIK"]
    return mood_library.stored(
        api.opened, folder, said_s=200.0, titles=titles, model=api.service.served().model.version
    )


def listed(api, **asked):
    answer = api.client.get("/v1/pieces", params=asked, headers=api.headers(*THERAPIST))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_pieces_come_page_by_page_each_once(api, pieces):
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = listed(api, limit=5, cursor=cursor)
        found += page["pieces"]
        cursor, pages = page["next"], pages + 1
    assert pages == 4
    assert sorted(piece["id"] for piece in found) == sorted(pieces)
    assert [piece["confidence"] for piece in found] == sorted((p["confidence"] for p in found), reverse=True)
    assert page["total"] == 16


def test_pieces_by_mood_and_by_words_in_turkish(api, pieces):
    happy = listed(api, mood="happy")
    assert {piece["mood"] for piece in happy["pieces"]} == {"happy"}
    assert happy["total"] == 4
    assert [piece["title"] for piece in listed(api, q="gul BAHCESI")["pieces"]] == ["Gül Bahçesi"]
    assert [piece["title"] for piece in listed(api, q="ıslık")["pieces"]] == ["ISLIK"]
    assert listed(api, q="%' OR 1=1 --")["total"] == 0
    for wrong in ("nonsense", "AAAA", "MHgxcDA"):
        answer = api.client.get("/v1/pieces", params={"cursor": wrong}, headers=api.headers(*THERAPIST))
        assert answer.status_code in (200, 422)
        assert answer.status_code == 422 or wrong == "MHgxcDA"


def test_what_a_caller_says_counts_for_this_caller(api, pieces):
    body = {"piece_id": pieces[0], "emotion": "sad"}
    sent = {**api.headers(*THERAPIST), "Idempotency-Key": str(uuid.uuid4())}
    first = api.client.post("/v1/feedback", json=body, headers=sent)
    again = api.client.post("/v1/feedback", json=body, headers=sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["feedback_id"] == again.json()["feedback_id"]
    assert len(own_words(api.store_of(*THERAPIST))) == 1
    (mine,) = [piece for piece in listed(api)["pieces"] if piece["id"] == pieces[0]]
    assert (mine["mood"], mine["word"], mine["confidence"]) == ("sad", "own", 1.0)
    other = api.client.get("/v1/pieces", headers=api.headers("another therapist", Role.THERAPIST)).json()
    (theirs,) = [piece for piece in other["pieces"] if piece["id"] == pieces[0]]
    assert theirs["word"] != "own"


def test_the_library_is_read_once_until_it_changes(api, pieces, monkeypatch):
    from core.api import pieces_of_library

    reads = []
    real = pieces_of_library.library_pieces
    monkeypatch.setattr(
        pieces_of_library, "library_pieces", lambda *given, **named: reads.append(1) or real(*given, **named)
    )
    listed(api)
    reads.clear()
    listed(api, mood="sad")
    listed(api, q="ezgi")
    assert reads == []
    store.set_track(api.opened, pieces[5], title="Yeni ad")
    monkeypatch.setattr(pieces_of_library, "FRESH_S", 0.0)
    assert "Yeni ad" in [piece["title"] for piece in listed(api)["pieces"]]
    assert reads == [1]
    monkeypatch.undo()
    listed(api)
    job = store.start_job(api.opened, run.JOB)
    store.finish_job(api.opened, job.job_id)
    monkeypatch.setattr(
        pieces_of_library, "library_pieces", lambda *given, **named: reads.append(2) or real(*given, **named)
    )
    listed(api)
    assert reads == [1, 2]


def test_raters_are_not_told_whether_a_piece_exists(api, pieces):
    sent = {**api.headers("rater", Role.RATER), "Idempotency-Key": str(uuid.uuid4())}
    known = api.client.post("/v1/feedback", json={"piece_id": pieces[0], "emotion": "sad"}, headers=sent)
    unknown = api.client.post("/v1/feedback", json={"piece_id": "0" * 64, "emotion": "sad"}, headers=sent)
    assert known.status_code == unknown.status_code == 404
    assert known.json()["detail"] == unknown.json()["detail"]


def test_feedback_about_a_clip_is_stored_once(api, wav):
    mine = api.headers("listener", Role.RATER)
    said = api.client.post("/v1/clips", content=wav, headers=mine).json()
    body = {"clip_id": said["clip_id"], "emotion": "relax", "comment": "ney solo"}
    sent = mine | {"Idempotency-Key": "form-0001"}
    got = [api.client.post("/v1/feedback", json=body, headers=sent) for _ in range(3)]
    assert [answer.status_code for answer in got] == [201, 200, 200]
    answers = store.feedback_table(api.store_of("listener", Role.RATER), rater="API key listener", verified=True)
    (row,) = answers.to_dict("records")
    assert (row["label"], row["comment"], row["shown_label"]) == ("relax", "ney solo", said["guess"])
    other = api.client.post("/v1/feedback", json=body | {"emotion": "sad"}, headers=sent)
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (409, "conflict")
    assert "Send a new one" in other.json()["detail"]
    thief = api.headers("thief", Role.ANALYST) | {"Idempotency-Key": "form-0001"}
    assert api.client.post("/v1/feedback", json=body, headers=thief).status_code == 404
    assert api.client.post("/v1/feedback", json=body, headers=mine).status_code == 422  # no Idempotency-Key


@pytest.mark.parametrize(
    ("body", "moods"),
    [
        ({"mood": "relax", "minutes": 10}, ["relax"]),
        ({"start": "sad", "goal": "happy", "over": "relax", "minutes": 25}, ["sad", "relax", "happy"]),
    ],
)
def test_a_playlist_and_a_path(api, pieces, body, moods):
    headers = api.headers("list maker", Role.THERAPIST)
    answer = api.client.post("/v1/playlists", json=body | {"between": True}, headers=headers)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["way"] == moods
    assert made["pieces"][0]["mood"] == moods[0]
    assert all(piece["why"] for piece in made["pieces"])
    assert made == api.client.post("/v1/playlists", json=body | {"between": True}, headers=headers).json()
    m3u8 = api.client.post("/v1/playlists?format=m3u8", json=body | {"between": True}, headers=headers).text
    assert m3u8.startswith("#EXTM3U")
    assert m3u8.count("#EXTINF") == len(made["pieces"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "either mood, or start and goal"),
        ({"mood": "sad", "goal": "happy"}, "either mood, or start and goal"),
        ({"start": "sad", "goal": "happy", "over": "sad"}, "lies angry or relax, not sad"),
        ({"mood": "sad", "minutes": 0}, "minutes"),
        ({"mood": "sad", "minuets": 5}, "minuets"),
        ({"mood": "joyful"}, "mood"),
    ],
)
def test_a_wish_that_no_list_can_have_is_refused(api, pieces, body, words):
    answer = api.client.post("/v1/playlists", json=body, headers=api.headers(*THERAPIST))
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_list_without_pieces_names_what_was_left_out_and_what_lets_it_in():
    left_out = (Remark(RemarkKind.NEEDS_LISTENING, "16 of 16 pieces left out: a person has to listen."),)
    said = playlists._with_ways_out("No piece is sad.", Pool(pd.DataFrame(), left_out), between=False)
    assert said.startswith("No piece is sad. 16 of 16 pieces left out: a person has to listen.")
    assert "POST /v1/feedback" in said
    assert '"between": true' in said
    assert "between" not in playlists._with_ways_out("No piece is sad.", Pool(pd.DataFrame(), ()), between=True)


# --- runs over many files --------------------------------------------------------------------------------------------


@pytest.fixture
def ended(api, tmp_path, monkeypatch):
    """Jobs that ended at once, with a table of one row; returns the launched commands."""
    commands = []

    def launch(opened, name, command, *, settings, message):
        commands.append(command)
        job = store.start_job(opened, name, message=message)
        out = tmp_path / "results.parquet"
        pd.DataFrame({"file": ["=1+1.wav", "b.wav"], "p_sad": [0.5, float("nan")]}).to_parquet(out)
        summary = {"out": str(out), "found": 2, "scored": 1, "model_version": "m1", "folder": command[1]}
        return store.finish_job(api.opened, job.job_id, message="1 of 2 files scored", result=summary)

    monkeypatch.setattr(launching.jobs, "launch", launch)
    return commands


def test_files_of_a_form_become_a_job_with_results_in_three_forms(api, ended):
    headers = api.headers(*THERAPIST)
    files = [("files", ("../../etc/ı.wav", libraries.tiny(1))), ("files", ("b.wav", libraries.tiny(2)))]
    answer = api.client.post("/v1/jobs?window_s=30&hop_s=15", files=files, headers=headers)
    assert answer.status_code == 202, answer.text
    (command,) = ended
    folder = command[1]
    assert folder.startswith(str(api.service.settings.uploads_dir))
    assert command[-4:] == ["--window", "30", "--hop", "15"]
    job = api.client.get(answer.headers["Location"], headers=headers).json()
    assert (job["state"], job["found"], job["scored"]) == ("done", 2, 1)
    rows = api.client.get(job["results"], headers=headers).json()["rows"]
    assert rows == [{"file": "=1+1.wav", "p_sad": 0.5}, {"file": "b.wav", "p_sad": None}]
    table = api.client.get(job["results"] + "?format=csv", headers=headers).content.decode("utf-8-sig")
    assert "'=1+1.wav" in without_header(table)
    parquet = api.client.get(job["results"] + "?format=parquet", headers=headers)
    assert pd.read_parquet(io.BytesIO(parquet.content))["file"].tolist() == ["=1+1.wav", "b.wav"]
    for method, address in (("GET", answer.headers["Location"]), ("DELETE", answer.headers["Location"]),
                            ("GET", job["results"])):  # fmt: skip
        other = api.client.request(method, address, headers=api.headers("someone else", Role.ANALYST))
        assert other.status_code == 404


def test_the_sound_of_a_job_goes_when_its_caller_asks(api, ended):
    headers, uploads = api.headers(*THERAPIST), api.service.settings.uploads_dir
    before = set(uploads.glob("*"))
    files = [("files", ("a.wav", libraries.tiny(4))), ("files", ("b.wav", libraries.tiny(5)))]
    address = api.client.post("/v1/jobs", files=files, headers=headers).headers["Location"]
    assert api.client.get(address, headers=headers).json()["sent_files"] == 2
    assert api.client.delete(address, headers=headers).json()["sent_files"] == 2
    stranger = api.headers("someone else", Role.ANALYST)
    assert api.client.delete(f"{address}?files=true", headers=stranger).status_code == 404
    again = store.start_job(api.store_of(*THERAPIST), run.JOB)
    store.report_job(api.opened, again.job_id, 0.5, result={"folder": ended[-1][1]})
    assert api.client.delete(f"{address}?files=true", headers=headers).status_code == 409
    assert set(uploads.glob("*")) != before
    store.finish_job(api.opened, again.job_id)
    assert api.client.delete(f"{address}?files=true", headers=headers).json()["sent_files"] == 0
    assert set(uploads.glob("*")) == before


def test_a_folder_of_the_server_is_never_removed(api, ended):
    headers = api.headers(*THERAPIST)
    music = api.service.settings.library_dir / "Kanun"
    music.mkdir()
    address = api.client.post("/v1/jobs", json={"folder": "Kanun"}, headers=headers).headers["Location"]
    assert api.client.delete(f"{address}?files=true", headers=headers).json()["sent_files"] is None
    assert music.is_dir()


def test_nothing_stays_of_files_that_are_no_audio(api, ended):
    uploads = api.service.settings.uploads_dir
    before = set(uploads.glob("*"))
    files = [("files", ("a.wav", libraries.tiny(6))), ("files", ("letter.wav", b"Dear doctor, my name is Ali."))]
    answer = api.client.post("/v1/jobs", files=files, headers=api.headers(*THERAPIST))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (415, "not-audio")
    assert "'letter.wav' is not audio but a text file" in answer.json()["detail"]
    assert set(uploads.glob("*")) == before
    assert ended == []


def test_only_places_that_the_server_allows_become_a_job(api, ended, monkeypatch):
    headers = api.headers(*THERAPIST)
    music = api.service.settings.library_dir / "Plak"
    music.mkdir()
    answer = api.client.post("/v1/jobs", json={"folder": "Plak"}, headers=headers)
    assert answer.status_code == 202, answer.text
    assert ended[-1][1] == str(music)
    assert ended[-1][ended[-1].index("--within") + 1] == str(api.service.settings.library_dir)
    for folder in ("/etc", "../..", "s3://bucket/music", "ftp://files.example.org/etc", "http://169.254.169.254/"):
        answer = api.client.post("/v1/jobs", json={"folder": folder}, headers=headers)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "right"), folder
    named = api.service.settings.named_places_file
    named.parent.mkdir(parents=True, exist_ok=True)
    named.write_text(json.dumps(["s3://bucket/music"]))
    try:
        for folder, status in (
            ("s3://bucket/music/kaset", 202),
            ("s3://bucket/music", 202),
            ("s3://bucket/music-of-others", 403),
            ("s3://bucket/music/../secrets", 403),
        ):
            assert api.client.post("/v1/jobs", json={"folder": folder}, headers=headers).status_code == status
    finally:
        named.unlink()
    for body in ({}, {"folder": 7}, {"folder": "x", "other": 1}):
        assert api.client.post("/v1/jobs", json=body, headers=headers).status_code == 422
    assert api.client.post("/v1/jobs?window_s=30", json={"folder": "Plak"}, headers=headers).status_code == 422


def test_one_run_goes_on_at_a_time_and_its_owner_cancels_it(api):
    mine = api.store_of(*THERAPIST)
    job = store.start_job(mine, run.JOB, message="at work")
    headers = api.headers(*THERAPIST)
    before = list(api.service.settings.uploads_dir.glob("*"))
    answer = api.client.post("/v1/jobs", files=[("files", ("b.wav", libraries.tiny(3)))], headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "conflict")
    assert list(api.service.settings.uploads_dir.glob("*")) == before
    assert api.client.get(f"/v1/jobs/{job.job_id}/results", headers=headers).status_code == 409
    stopped = api.client.delete(f"/v1/jobs/{job.job_id}", headers=headers)
    assert (stopped.status_code, stopped.json()["cancelling"]) == (202, True)
    store.finish_job(api.opened, job.job_id, state="cancelled", message="Cancelled.")
    assert api.client.get(f"/v1/jobs/{job.job_id}", headers=headers).json()["state"] == "cancelled"


# --- Open Inference Protocol -----------------------------------------------------------------------------------------

INFER = "/v2/models/turkish-music-emotion/infer"


def test_the_protocol_gives_the_probabilities_of_the_model(api):
    from core.models.prediction import predict

    background = api.service.served().background.head(3)
    data = background.to_numpy().copy()
    flat = [None if k == 7 else float(v) for k, v in enumerate(data.reshape(-1))]
    body = {"id": "a", "inputs": [{"name": "features", "shape": [3, 50], "datatype": "FP64", "data": flat}]}
    said = api.client.post(INFER, json=body, headers=api.headers()).json()
    table = background.copy()
    table.iloc[0, 7] = float("nan")
    expected = [one.proba[e] for one in predict(api.service.served().model, table) for e in EMOTIONS]
    assert said["outputs"][0]["data"] == pytest.approx(expected)
    assert said["outputs"][0]["shape"] == [3, 4]
    assert (said["id"], len(said["outputs"][1]["data"])) == ("a", 3)
    rows = [flat[:50], flat[50:100], flat[100:]]
    nested = body | {"inputs": [body["inputs"][0] | {"data": rows}], "outputs": [{"name": "probabilities"}]}
    assert api.client.post(INFER, json=nested, headers=api.headers()).json()["outputs"] == said["outputs"][:1]


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1, 49]},
        {"shape": [2, 50]},
        {"shape": [-1, 50]},
        {"datatype": "INT8"},
        {"name": "pixels"},
        {"data": ["a"] * 50},
        {"data": [1e400] * 50},
        {"data": [1e308] * 50},
        {"data": [-1e39] + [1.0] * 49},
        {"data": [None] * 11 + [1.0] * 39},
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(api, change):
    tensor = {"name": "features", "shape": [1, 50], "datatype": "FP64", "data": [1.0] * 50} | change
    answer = api.client.post(
        INFER,
        content=json.dumps({"inputs": [tensor]}),
        headers=api.headers() | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"] == answer.json()["detail"]


def test_the_protocol_says_which_rows_are_unlike_the_training_music(api):
    usual = api.service.served().background.head(1).to_numpy()[0].tolist()
    data = [*usual, *[1e29] * 50, *[None] * 10, *usual[10:]]
    body = {"inputs": [{"name": "features", "shape": [3, 50], "datatype": "FP64", "data": data}]}
    said = api.client.post(INFER, json=body | {"outputs": [{"name": "unlike"}]}, headers=api.headers()).json()
    (tensor,) = said["outputs"]
    assert (tensor["datatype"], tensor["shape"]) == ("BOOL", [3])
    assert tensor["data"][:2] == [False, True]


def test_another_model_or_version_is_not_found(api):
    version = api.client.get("/v2/models/turkish-music-emotion", headers=api.headers()).json()["versions"][0]
    found = f"/v2/models/turkish-music-emotion/versions/{version}"
    assert api.client.get(found, headers=api.headers()).status_code == 200
    assert api.client.get(found + "x", headers=api.headers()).status_code == 404
    assert api.client.get("/v2/models/other", headers=api.headers()).status_code == 404
    assert api.client.get("/v2/models/turkish-music-emotion/ready", headers=api.headers()).json()["ready"]


def test_the_model_shows_its_card_figures_criteria_and_limits(api):
    said = api.client.get("/v1/model", headers=api.headers()).json()
    headline = [
        f for f in said["figures"] if (f["row"], f["measure"], f["emotion"]) == ("development", "macro_f1", "all")
    ]
    assert headline[0]["low"] < headline[0]["value"] < headline[0]["high"]
    assert {one["name"] for one in said["criteria"]} >= {"Macro-F1", "Accuracy"}
    assert said["card"].startswith("#")
    assert said["limits"]
    assert said["limits"] in said["card"]
    assert said["version"] == api.service.served().model.version
