"""Fades, gaps and formats of levelled copies, measured in the samples that were written."""

import io
import os

import numpy as np
import pytest
import soundfile
from owner import OWNER

from core import store
from core.audio.decoding import blocks, content_hash, inspect
from core.errors import AudioError, CoreError
from core.features.loudness import Meter, as_played
from core.playlists import levelled_copies, one_mood, playback, playlist
from core.playlists.fades import Fades, envelope
from core.playlists.playlist import usable_pieces
from core.settings import Settings
from tests.mood_library import clip, pieces, tone

SR = 44_100
LENGTH_S = 6.0
FADES = Fades(in_s=1.0, out_s=2.0, gap_s=0.5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A playlist of three noises of different levels, each of them constant from end to end."""
    folder = tmp_path_factory.mktemp("music")
    rng, rows = np.random.default_rng(0), []
    for name, level in (("a", 0.02), ("b", 0.2), ("c", 0.1)):
        y = level * rng.standard_normal((round(LENGTH_S * SR), 2)).clip(-4, 4)
        soundfile.write(folder / f"{name}.flac", y, SR, subtype="PCM_24")
        rows.append(clip(name, path=str(folder / f"{name}.flac"), title=name, artist=name, file_duration_s=LENGTH_S))
    whole = one_mood.build_one_mood(usable_pieces(pieces(rows)), "relax", 1)
    return playlist.level_playlist(whole, -24.0)


def heard(copies, number):
    """Samples of a copy as a player decodes it."""
    place = copies.folder / copies.files[number - 1]
    source = inspect(place.read_bytes(), place.name)
    return np.concatenate(list(blocks(source))), source.sr


def level_db(y, sr, at_s, *, length_s=0.05):
    part = y[round((at_s - length_s / 2) * sr) : round((at_s + length_s / 2) * sr)]
    return 10 * np.log10(np.mean(part**2) + 1e-12)


@pytest.mark.parametrize("form", ["FLAC", "M4A", "MP3"])
def test_three_pieces_are_level_and_fade_as_set(made, tmp_path, form):
    copies = levelled_copies.level_copies(made, tmp_path / "out", form=form, fades=FADES, by=OWNER)
    middles = []
    for number in (1, 2, 3):
        y, sr = heard(copies, number)
        middle = level_db(y, sr, 2.5, length_s=1)
        middles.append(middle)
        half = 20 * np.log10(np.sin(np.pi / 4))
        assert level_db(y, sr, 0.5) - middle == pytest.approx(half, abs=0.8)
        assert level_db(y, sr, LENGTH_S - 1.0) - middle == pytest.approx(half, abs=0.8)
        assert level_db(y, sr, LENGTH_S - 0.05) - middle < -20
        silence = y[round((LENGTH_S + 0.1) * sr) : round((LENGTH_S + 0.4) * sr)]
        assert np.abs(silence).max(initial=0) < 1e-3
        assert len(y) / sr == pytest.approx(LENGTH_S + (0.5 if number < 3 else 0), abs=0.1)
    assert max(middles) - min(middles) < 0.5


@pytest.mark.parametrize("form", ["FLAC", "M4A"])
def test_a_copy_of_six_channels_is_as_loud_as_the_others(tmp_path, form):
    """A phone copy has one channel, the mean of all: its loudness is measured after that."""
    y = 0.02 * np.random.default_rng(0).standard_normal((round(LENGTH_S * SR), 6)).clip(-4, 4)
    soundfile.write(tmp_path / "six.flac", y, SR, subtype="PCM_24")
    row = clip("six", path=str(tmp_path / "six.flac"), file_duration_s=LENGTH_S)
    made = playlist.level_playlist(one_mood.build_one_mood(usable_pieces(pieces([row])), "relax", 1), -24.0)
    copies = levelled_copies.level_copies(made, tmp_path / "out", form=form, by=OWNER)
    y, sr = heard(copies, 1)
    meter = Meter(sr)
    meter(y)
    # the encoder takes the highest frequencies of a noise away
    assert as_played(meter.lufs(), y.shape[1]) == pytest.approx(-24.0, abs=0.3 if form == "FLAC" else 1.0)


def test_a_crossfade_becomes_fades_of_its_length_inside_the_list():
    fades = Fades(in_s=1, out_s=2, crossfade_s=4)
    assert [fades.ends(number, 3) for number in (1, 2, 3)] == [(1, 4), (4, 4), (4, 2)]
    assert fades.gap_after(1, 3) == 0


def test_the_power_of_a_crossfade_is_constant():
    out = envelope(0, 400, frames=400, sr=100, in_s=0, out_s=4)
    begin = envelope(0, 400, frames=400, sr=100, in_s=2, out_s=0)
    assert out[200:] ** 2 + begin[:200] ** 2 == pytest.approx(np.ones(200), abs=1e-9)


def test_the_envelope_does_not_depend_on_the_blocks():
    whole = envelope(0, 1000, frames=1000, sr=100, in_s=3, out_s=5)
    parts = [envelope(k, 125, frames=1000, sr=100, in_s=3, out_s=5) for k in range(0, 1000, 125)]
    assert np.concatenate(parts) == pytest.approx(whole)
    assert whole[0] == 0
    assert whole[400] == 1


def test_a_piece_shorter_than_its_fades_still_sounds():
    assert envelope(0, 200, frames=200, sr=100, in_s=10, out_s=10)[100] == pytest.approx(1)


@pytest.mark.parametrize(
    "wrong", [{"in_s": -1}, {"out_s": 99}, {"gap_s": float("nan")}, {"gap_s": 1, "crossfade_s": 1}]
)
def test_impossible_fades_are_refused(wrong):
    with pytest.raises(CoreError, match="must last|not both"):
        Fades(**wrong)


def test_a_phone_copy_has_title_and_remark_in_its_tags(made, tmp_path):
    import av

    copies = levelled_copies.level_copies(made, tmp_path / "out", form="M4A", fades=FADES, by=OWNER)
    with av.open(str(copies.folder / copies.files[0])) as opened:
        about = {name.lower(): text for name, text in opened.metadata.items()}
    assert about["title"] == made.rows["title"].iloc[0]
    assert "fade-in 1 s, fade-out 2 s, gap 0.5 s" in about["comment"]


def test_other_fades_and_formats_have_another_folder(made):
    names = {levelled_copies.folder_name(made, form, fades) for form in ("MP3", "M4A") for fades in (Fades(), FADES)}
    assert len(names) == 4
    assert all(levelled_copies._OUR_FOLDER.fullmatch(name) for name in names)


def test_only_the_oldest_folders_of_copies_are_removed(made, tmp_path):
    for age, form in enumerate(("MP3", "M4A", "WAV")):
        folder = tmp_path / levelled_copies.folder_name(made, form)
        folder.mkdir()
        os.utime(folder, (1000 - age, 1000 - age))
    (tmp_path / "my own music").mkdir()
    (tmp_path / "note-12345678-mp3").write_text("a file")
    assert levelled_copies.remove_old_copies(tmp_path, most=2, by=OWNER) == 1
    assert {p.name for p in tmp_path.iterdir()} == {
        *(levelled_copies.folder_name(made, form) for form in ("MP3", "M4A")),
        *("my own music", "note-12345678-mp3"),
    }


# --- the sound for the player of the page


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    db = store.open_store(f"sqlite:///{tmp_path_factory.mktemp('db') / 'feedback.db'}")
    yield db
    store.close_store(db)


def piece(path):
    """A row of the table of pieces for this file."""
    return pieces([clip(content_hash(path.read_bytes()), path=str(path))]).iloc[0]


def test_the_page_plays_the_file_itself_and_limits_a_positive_gain_by_its_peak(opened, tmp_path):
    path = tmp_path / "a.flac"
    tone(path, 440, level=0.5)
    quieter = playback.sound_of(piece(path), -3.0, settings=Settings(), store=opened)
    assert (quieter.data, quieter.media_type, quieter.gain_db) == (path.read_bytes(), "audio/flac", -3.0)
    louder = playback.sound_of(piece(path), 20.0, settings=Settings(), store=opened)
    assert louder.gain_db == pytest.approx(-20 * np.log10(0.5) + levelled_copies.PEAK_DB, abs=0.05)
    assert playback.sound_of(piece(path), float("nan"), settings=Settings(), store=opened).gain_db == 0


def test_a_format_that_browsers_do_not_play_becomes_flac(opened, tmp_path):
    tone(tmp_path / "a.aiff", 440)
    sound = playback.sound_of(piece(tmp_path / "a.aiff"), 0.0, settings=Settings(), store=opened)
    assert sound.media_type == "audio/flac"
    one, other = (soundfile.read(file)[0] for file in (tmp_path / "a.aiff", io.BytesIO(sound.data)))
    assert other == pytest.approx(one, abs=1e-4)


def test_a_file_that_changed_is_not_played(opened, tmp_path):
    tone(tmp_path / "a.flac", 440)
    row = piece(tmp_path / "a.flac")
    tone(tmp_path / "a.flac", 220)
    with pytest.raises(AudioError, match="has changed since it was scored"):
        playback.sound_of(row, 0.0, settings=Settings(), store=opened)


@pytest.mark.parametrize(
    ("start", "end", "why"), [(3, 3, "must end after"), (9, 4, "must end after"), (200, 300, "lasts 200"), (1, 500, "")]
)
def test_a_passage_lies_in_the_piece(start, end, why):
    problem = playback.passage_problem(start, end, 200.0)
    assert (why in problem) if why else problem == ""
