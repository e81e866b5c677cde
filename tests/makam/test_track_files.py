"""Layers go out and come back; hostile and wrong files are refused with a reason."""

import json
import struct

import numpy as np
import pytest

from core.errors import CoreError
from core.makam.layers import LAYERS, Analysed, file_stem, symbtr_name
from core.makam.melody import Melody
from core.makam.midi import key_and_bend
from core.makam.track_files import MOST_BYTES, MOST_POINTS, agreement, read_track

COMMA = 1200 / 53


@pytest.fixture(scope="module")
def given() -> Analysed:
    """8 s: the octave of the karar, a rest, and nine commas lower."""
    times = np.arange(400) * 0.02
    cents = np.where(times < 4, 0.0, -9 * COMMA)
    cents[(times > 1) & (times < 1.5)] = np.nan
    melody = Melody(cents, np.where(np.isnan(cents), 0.0, 0.9), 0.02)
    return Analysed('"şarkı" <&b>\n.mp3', melody, 220.0, "# note\n", {"karar_from": "person"})


def written(given: Analysed, name: str) -> bytes:
    return LAYERS[name].write(given)


@pytest.mark.parametrize("name", ["csv", "svl", "praat", "tomato", "json"])
def test_a_track_comes_back_as_it_was(given, name):
    back = read_track(written(given, name), f"x.{LAYERS[name].ending}")
    assert back.hop_s == pytest.approx(0.02)
    assert back.cents.size == given.melody.cents.size
    both = given.melody.voiced & back.voiced
    assert np.abs(back.cents - given.melody.cents)[both].max() < 0.02
    assert (given.melody.voiced != back.voiced).sum() <= 4  # at the edges of the rest, where a file has no rests


def test_the_notes_have_heights_over_the_karar(given):
    rows = written(given, "notes").decode("utf-8-sig").splitlines()
    assert rows[:2] == ["# note", '"start_s","end_s","frequency_hz","commas_over_karar","confidence"']
    assert [float(row.split(",")[3]) for row in rows[2:]] == [53, 53, 44]
    labels = written(given, "audacity").decode().splitlines()
    assert [label.split("\t")[2] for label in labels] == ["+53.0 commas", "+53.0 commas", "+44.0 commas"]


def test_symbtr_counts_305_for_440_hz(given):
    head, *rows = (line.split("\t") for line in written(given, "symbtr").decode().splitlines())
    assert head == [
        "Sira",
        "Kod",
        "Nota53",
        "NotaAE",
        "Koma53",
        "KomaAE",
        "Pay",
        "Payda",
        "Ms",
        "LNS",
        "Bas",
        "Soz1",
        "Offset",
    ]
    assert [row[4] for row in rows] == ["305", "305", "296"]
    assert [symbtr_name(k) for k in (305, 296, 314, 313, 318, 265, 309)] == [
        *("La4", "Sol4", "Si4", "Si4b1", "Do5", "Do4", "La4#4"),
    ]


def test_the_json_says_units_and_whose_word_the_karar_is(given):
    content = json.loads(written(given, "json"))
    assert content["karar"] == {"value": 220.0, "unit": "Hz"}
    assert content["karar_from"] == "person"
    assert None in content["track"]["frequency_hz"]
    tomato = json.loads(written(given, "tomato"))
    assert tomato["tonic"] == {"value": 220.0, "unit": "Hz"}
    assert tomato["pitch"]["hopSize"] / tomato["pitch"]["sampleRate"] == pytest.approx(0.02)


def test_midi_bends_a_note_to_its_comma(given):
    assert key_and_bend(0.0) == (69, 8192)
    key, bend = key_and_bend(COMMA)
    assert (key - 69) * 100 + (bend - 8192) / 8192 * 200 == pytest.approx(COMMA, abs=0.02)
    data = written(given, "midi")
    assert data[:14] == b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    assert struct.unpack(">I", data[18:22])[0] == len(data) - 22
    assert data.count(b"\x90\x45\x50") == 2  # A4 twice
    assert data.endswith(b"\xff\x2f\x00")


def test_without_a_karar_heights_are_over_440_hz(given):
    plain = Analysed("x", given.melody, None)
    assert b"commas_over_a4" in written(plain, "csv")
    assert json.loads(written(plain, "tomato"))["tonic"] is None


def test_a_name_cannot_leave_its_attribute_or_its_folder(given):
    text = written(given, "svl").decode()
    assert "<&b>" not in text
    assert "&lt;&amp;b&gt;" in text
    assert file_stem("../../etc/şifre .mp3") == "etc-sifre"
    assert file_stem("...") == "recording"


@pytest.mark.parametrize(
    "text",
    [
        "0.0,220\n0.1,230\n0.2,0\n0.3,240\n",
        "time;frequency\n0,0;220,0\n0,1;230,5\n0,2;\n0,3;240\n",
        "0.0\t220\n0.1\t230\n0.2\t-230\n0.3\t240\n",
        "0,0;220,0\n0,1;230,5\n0,2;\n0,3;240\n",
        "0,0\t220,0\n0,1\t230,5\n0,2\t0\n0,3\t240\n",
        "0.0 220 a\n0.1 230 b\n0.2 nan c\n0.3 240 d\n",
        '# a comment\n"frequency_hz","time_s"\n220,0.0\n230,0.1\n,0.2\n240,0.3\n',
    ],
)
def test_tables_of_other_programs_are_read(text):
    melody = read_track(text.encode(), "track.csv")
    assert melody.cents.size == 4
    assert melody.voiced.tolist() == [True, True, False, True]
    assert melody.hz[0] == pytest.approx(220)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><sv><model sampleRate="44100"/>&b;</sv>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text file"),
        (b"a\0b", "not a text file"),
        (b"0.0\n0.1\n", "fewer than two cells"),
        (b"0.0,220\n", "fewer than two points"),
        (b"0.0,220\n0.1,abc\n", "not a number"),
        (b"0.0,220\n0.1,1e999\n", "not a number"),
        (b"0.1,220\nnan,220\n", "not a number"),
        (b"-1,220\n0.1,220\n", "time outside"),
        (b"0,220\n1e9,220\n", "time outside"),
        (b"0,220\n0.1,90000\n", "Frequencies are in Hz"),
        (b"0,0\n0.1,0\n", "no pitch"),
        (b'{"track": 3}', "no pitch track"),
        (b'{"pitch": [[1]]}', "cannot be read as JSON"),
        (b'{"a": ' + b"[" * 200_000, "cannot be read as JSON"),
        (b'{"pitch": [[0, 220], [1, {}]]}', "not a number"),
        (BOMB.encode(), "fewer than two points"),
        (b"<sv><point frame='1'/></sv>", "sampling rate"),
        (b'<sv><model sampleRate="4.4.1"/><point frame="1" value="220"/></sv>', "sampling rate"),
        (b'<sv><model sampleRate="0"/><point frame="1" value="220"/></sv>', "sampling rate"),
        (b"25.0\t26.5\tneva\n26.5\t30\trast\n", "seems to hold labels"),
        (b'File type = "ooTextFile"\nObject class = "PitchTier"\n', "not a PitchTier"),
    ],
)
def test_what_is_no_track_is_refused_with_a_reason(data, reason):
    with pytest.raises(CoreError, match=reason):
        read_track(data, "../../bad\n.csv")


def test_too_much_is_refused_before_it_is_read(monkeypatch):
    with pytest.raises(CoreError, match="at most 50 MB"):
        read_track(b"0" * (MOST_BYTES + 1), "big.csv")
    monkeypatch.setattr("core.makam.track_files.MOST_POINTS", 10)
    for data in (b"0,220\n" * 11, b'<sv><model sampleRate="8000"/>' + b'<point frame="1" value="220"/>' * 20):
        with pytest.raises(CoreError, match="more than 10"):
            read_track(data, "long.csv")
    assert MOST_POINTS > 1_000_000


def test_points_far_apart_make_no_endless_grid():
    melody = read_track(b"0,220\n0.000001,221\n20000,222\n", "x.csv")
    assert melody.cents.size <= MOST_POINTS + 1
    assert 2 <= melody.voiced.sum() < 100


def test_the_labels_that_this_program_writes_are_no_track(given):
    with pytest.raises(CoreError, match="seems to hold labels"):
        read_track(b"".join(b"%d.0\t%d.5\t+9.0 commas\n" % (k, k) for k in range(30, 40)), "x.labels.txt")


def test_a_corrected_track_agrees_with_the_recording_and_another_one_does_not(given):
    octave_lower = Melody(given.melody.cents - 1200, given.melody.confidence, given.melody.hop_s)
    assert agreement(octave_lower, given.melody) == 1
    other = Melody(given.melody.cents + 300, given.melody.confidence, given.melody.hop_s)
    assert agreement(other, given.melody) == 0
    finer = read_track(b"0,440\n3.9,440\n", "x.csv")
    assert agreement(finer, given.melody) == 1
    silent = Melody(np.full(9, np.nan), np.zeros(9), 0.02)
    assert agreement(silent, given.melody) == 0
