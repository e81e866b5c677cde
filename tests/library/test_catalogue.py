"""The catalogue of a library: slices, and recordings in the style of MusicBrainz."""

import json

import pandas as pd
import pytest
from libraries import results
from typer.testing import CliRunner

from core.__main__ import app
from core.errors import CoreError
from core.library.catalogue import moods_by, musicbrainz, read_catalogue, selected, write_catalogue


@pytest.fixture
def table():
    return results(
        file=["1.wav", "1.wav", "2.wav", "3.wav", "4.wav"],
        state=["scored"] * 4 + ["refused"],
        content_hash=["a", "a", "b", "c", "d"],
        title=["Bir", "Bir", "İki", "Üç", "Dört"],
        artist=["Münir", "Münir", "", "Safiye", ""],
        makam=["Hüseynî", "Hüseynî", "HÜSEYNİ", "", "Hicaz"],
        usul=["Aksak", "Aksak", "", "", ""],
        performer=["", "", "", "Safiye", ""],
        year=[1961, 1961, 1970, pd.NA, 1965],
        decision=["relax", "sad", "sad", "", ""],
        guess=["relax", "sad", "sad", "angry", ""],
        confidence=[0.8, 0.7, 0.9, 0.4, float("nan")],
        file_duration_s=[61.2345] * 2 + [30.0, 30.0, 1.0],
        album=["", "", "Plak", "", ""],
        model_version=["m"] * 5,
        extractor=["x"] * 5,
    )


def test_moods_are_counted_by_slice_whatever_the_spelling(table):
    counts = moods_by(table, "makam")
    assert counts.index.tolist() == ["Hüseynî", "unknown"]
    assert counts.loc["Hüseynî"].to_dict() == {"angry": 0, "happy": 0, "relax": 1, "sad": 2, "undecided": 0, "all": 3}
    assert counts.loc["unknown", ["undecided", "all"]].tolist() == [1, 1]
    assert moods_by(table, "era")["all"].to_dict() == {"1960s": 2, "1970s": 1, "unknown": 1}


def test_rows_are_selected_by_all_that_is_given(table):
    assert selected(table, makam="huseyni")["file"].tolist() == ["1.wav", "1.wav", "2.wav"]
    assert selected(table, makam="huseyni", era=1979)["file"].tolist() == ["2.wav"]
    assert selected(table, performer="SAFİYE")["file"].tolist() == ["3.wav"]
    assert selected(table, usul="aksak", era=1950).empty


def test_a_recording_is_written_as_musicbrainz_writes_it(table):
    made = musicbrainz(table)
    assert made["recording-count"] == 3
    assert made["recordings"][0] == {
        "video": False,
        "title": "Bir",
        "length": 61234,
        "first-release-date": "1961",
        "artist-credit": [{"name": "Münir", "joinphrase": "", "artist": {"name": "Münir"}}],
        "tags": [{"name": "relax", "count": 1}, {"name": "sad", "count": 1}],
        "relations": [
            {
                "type": "performance",
                "target-type": "work",
                "direction": "forward",
                "work": {
                    "title": "Bir",
                    "attributes": [
                        {"type": "Makam (Ottoman, Turkish)", "value": "Hüseynî"},
                        {"type": "Usul (Ottoman, Turkish)", "value": "Aksak"},
                    ],
                },
            }
        ],
        "annotation": "relax: 80.0 %, by model m from features of x.",
    }
    assert made["recordings"][1]["releases"] == [{"title": "Plak"}]
    assert made["recordings"][2]["relations"] == [
        {"type": "performer", "target-type": "artist", "direction": "backward", "artist": {"name": "Safiye"}}
    ]
    assert "tags" not in made["recordings"][2]  # nothing was decided


def test_the_command_selects_counts_and_writes(table, tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["catalogue", *map(str, words)])

    source, out = tmp_path / "all.parquet", tmp_path / "some.json"
    write_catalogue(table, source)
    done = run(source, "--makam", "huseyni", "--by", "usul", "--out", out)
    assert done.output.splitlines()[2].split() == ["Aksak", "0", "0", "1", "1", "0", "2"]
    assert done.output.endswith(f"3 rows written to {out}.\n")
    assert json.loads(out.read_text("utf-8")) == musicbrainz(selected(table, makam="huseyni"))
    assert "choose one of makam" in str(run(source, "--by", "mood").exception)
    assert "Say what to do" in str(run(source).exception)
    assert "must end in" in str(run(source, "--out", tmp_path / "x.xml").exception)
    assert "cannot be written" in str(run(source, "--out", tmp_path / "nowhere" / "x.csv").exception)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all.parquet", "some.json"]


def test_a_file_that_holds_no_results_is_refused(tmp_path):
    (tmp_path / "text.parquet").write_text("no table")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    for name, said in (
        ("text", "cannot be read as results"),
        ("other", "holds no results"),
        ("gone", "cannot be read"),
    ):
        with pytest.raises(CoreError, match=said):
            read_catalogue(tmp_path / f"{name}.parquet")
