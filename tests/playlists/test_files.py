"""Playlists as files: what a player reads is what was listed, whatever tags and paths hold; copies are level."""

import csv
import hashlib
import html
import io
import re
import tracemalloc
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np
import pytest
import soundfile
from owner import OWNER

from core.atomic import replacing
from core.audio.decoding import inspect
from core.errors import AudioError, CoreError
from core.features import loudness
from core.playlists import files, iso_path, levelled_copies, one_mood, playlist, session_sheet
from core.playlists.playlist import usable_pieces
from core.playlists.session_sheet import Session
from core.records import Remark, RemarkKind
from core.source_note import without_header
from core.spreadsheets import escape_table
from tests.mood_library import clip, many, pieces, tone

HOSTILE = 'Gül\n#EXTINF:1,x\n/etc/passwd <b>"&'
LOCAL = "file" + "://"
NS = {"x": files.XSPF}


def listed(*rows, minutes=10):
    return one_mood.build_one_mood(usable_pieces(pieces(list(rows))), "relax", minutes)


@pytest.fixture(scope="module")
def path():
    return iso_path.build_iso_path(playlist.Pool(many(200), ()), ("sad", "relax", "happy"), 45)


# --- M3U8


def entries(data: bytes) -> list[str]:
    return [line for line in data.decode().splitlines() if not line.startswith("#")]


def test_m3u8_lists_paths_lengths_names_and_gains(path):
    data = files.m3u8(path)
    assert data.startswith(b"#EXTM3U\n")
    assert entries(data) == list(path.rows["path"])
    first, text = path.rows.iloc[0], data.decode()
    assert f"#EXTINF:{first['duration_s']:.0f},{first['artist']} - {first['title']}\n" in text
    assert text.count("# gain ") == len(path.rows)
    assert f"# gain {first['gain_db']:+.1f} dB to -18 LUFS" in text


def test_a_tag_cannot_add_a_line_to_the_m3u8():
    made = listed(clip("a", title=HOSTILE, artist="x\r\ny", album="z\n/etc/shadow"))
    assert entries(files.m3u8(made)) == ["/music/a.flac"]


@pytest.mark.parametrize(
    "path",
    [
        *("/m/a\nb.flac", "/m/\u2028x.flac", "/m/#1 Işık.flac", "/m/Kim?.flac", "/m/50%25.flac", "/m/12:30.flac"),
        *("/m/Şarkı, 50% ve 'alıntı\".flac", "/m/100%.flac"),
    ],
)
def test_a_path_leads_to_its_file_also_where_a_line_is_taken_for_an_address(path):
    """As VLC 3 does: what follows '#' or '?' is lost to it, %25 is %, and what stands before ':' is a kind of place."""
    (entry,) = entries(files.m3u8(listed(clip("a", path=path))))
    assert unquote(urlsplit(urljoin(LOCAL + "/lists/list.m3u8", entry)).path) == path


@pytest.mark.parametrize("path", ["/m/Şarkı ı.flac", "/m/100%.flac", "C:\\Müzik\\ğ.flac"])
def test_a_plain_path_is_written_as_it_is(path):
    """So that also players without addresses find it."""
    assert entries(files.m3u8(listed(clip("a", path=path)))) == [path]


@pytest.mark.parametrize("name", ["#1.flac", "a?.flac", "12:30.flac", "%41.flac"])
def test_relative_paths_that_look_like_comments_or_addresses(name):
    (entry,) = entries(files.m3u8(listed(clip("a")), files=[name]))
    assert unquote(urlsplit(urljoin(LOCAL + "/out/playlist.m3u8", entry)).path) == f"/out/{name}"
    assert not entry.startswith("#")


# --- XSPF


def locations(data: bytes) -> list[str]:
    return [str(node.text) for node in ET.fromstring(data).findall("x:trackList/x:track/x:location", NS)]


def test_xspf_is_valid_and_leads_back_to_the_files(path):
    data = files.xspf(path)
    root = ET.fromstring(data)
    assert root.tag == f"{{{files.XSPF}}}playlist"
    assert root.get("version") == "1"
    assert [unquote(urlsplit(x).path) for x in locations(data)] == list(path.rows["path"])
    durations = [int(node.text) for node in root.iterfind(".//x:duration", NS)]
    assert durations == (1000 * path.rows["duration_s"]).round().astype(int).tolist()
    assert "Gain" in root.find(".//x:track/x:annotation", NS).text


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/müzik/Şarkı %1.flac", LOCAL + "/m%C3%BCzik/%C5%9Eark%C4%B1%20%251.flac"),
        ("C:\\Müzik\\ğ.flac", LOCAL + "/C:/M%C3%BCzik/%C4%9F.flac"),
        ("s3://bucket/ğ a.flac", "s3://bucket/%C4%9F%20a.flac"),
        ("s3://bucket/100% #1?.flac", "s3://bucket/100%25%20%231%3F.flac"),
        ("s3://bucket/a%20b.flac", "s3://bucket/a%2520b.flac"),  # its name there
        ("https://host/a%20b.flac?v=1", "https://host/a%20b.flac?v=1"),  # encoded already
    ],
)
def test_addresses_are_percent_encoded(path, address):
    made = listed(clip("a", path=path))
    assert locations(files.xspf(made)) == [address]


def test_xspf_with_hostile_tags():
    made = listed(clip("a", title=HOSTILE + "\x00\x0b\ufffe", artist="<![CDATA[", album="]]>&amp;"))
    root = ET.fromstring(files.xspf(made))
    assert root.find(".//x:track/x:title", NS).text == 'Gül #EXTINF:1,x /etc/passwd <b>"&'
    assert root.find(".//x:track/x:creator", NS).text == "<![CDATA["
    assert len(root.findall("x:trackList/x:track", NS)) == 1


# --- CSV


def test_csv_for_spreadsheets(path):
    data = files.csv_file(path, link="http://here/playlists?mood=sad")
    assert data.startswith(b"\xef\xbb\xbf# Turkish Music Emotion")
    text = data.decode("utf-8-sig")
    assert f"# rows: {len(path.rows)} pieces" in text
    assert "# link: http://here/playlists?mood=sad" in text
    rows = list(csv.DictReader(io.StringIO(without_header(text))))
    assert [row["path"] for row in rows] == list(path.rows["path"])
    assert [float(row["gain_db"]) for row in rows] == pytest.approx(path.rows["gain_db"].tolist(), abs=1e-4)
    assert {row["target_lufs"] for row in rows} == {"-18.0"}


@pytest.mark.parametrize("begin", "=+-@")
def test_no_tag_is_a_formula(begin):
    made = listed(clip("a", title=f"{begin}cmd|calc", artist=f"{begin}x", lufs=np.nan))
    (row,) = csv.DictReader(io.StringIO(without_header(files.csv_file(made).decode("utf-8-sig"))))
    assert (row["title"], row["artist"]) == (f"'{begin}cmd|calc", f"'{begin}x")
    assert row["gain_db"] == ""
    safe = escape_table(made.rows)
    assert safe["title"].tolist() == [f"'{begin}cmd|calc"]
    assert safe["duration_s"].tolist() == made.rows["duration_s"].tolist()


def test_names_of_files_tell_lists_apart(path):
    one, other = (files.file_stem(p) for p in (path, playlist.level_playlist(path, -23.0)))
    assert one != other
    assert one.startswith("sad-to-relax-to-happy-45-minutes-")
    assert one == files.file_stem(path)


# --- the session sheet


def test_the_sheet_tells_what_when_and_why(path):
    page = session_sheet.session_html(path, Session(begins=datetime(2026, 3, 1, 14, 30))).decode()
    assert page.count("<strong>") == len(path.rows)
    assert page.count('class="step"') == path.rows["step"].max()
    begins = path.rows["begins_s"].iloc[1]
    assert "14:30:00" in page
    assert f"14:{30 + int(begins // 60):02d}:{int(begins % 60):02d}" in page
    assert "they are not a clinical decision" in " ".join(page.split())
    assert "Step 1, wanted: 100 % sad" in page
    assert "@media print" in page
    assert all(f"{gain:+.1f} dB" in page for gain in path.rows["gain_db"])
    without = session_sheet.session_html(path, Session()).decode()
    assert ">0:00<" in without
    assert "82 %" not in without
    line = "An accepted <sad> is right in 82 %."
    assert (
        "<p>An accepted &lt;sad&gt; is right in 82 %.</p>"
        in session_sheet.session_html(path, Session(), accuracy=line).decode()
    )


def test_a_reader_of_the_sheet_learns_why_each_piece_is_there_and_what_is_weak(path):
    text = html.unescape(session_sheet.session_html(path, Session()).decode())
    assert "begins with sad pieces, the client's mood now, and moves to happy in" in text
    assert "sad → relax → happy" in text
    assert "A piece fits well if it differs from the wanted mixture by at most 20 %" in text
    for row in files.row_dicts(path):
        assert playlist.reason(row, True, with_wish=False) in text
    assert text.count("From the previous piece: ") == len(path.rows) - 1
    weak = path.rows[path.rows["weak"] != ""]
    assert ("There is no weak place" in text) == weak.empty
    bad = listed(*(clip(f"p{k}", artist="Emel", title=f"T{k}") for k in range(3)))
    text = html.unescape(session_sheet.session_html(bad, Session()).decode())
    assert "The model hears these pieces as relax" in text
    assert "listen to them before the session: 2, 3." in text
    assert text.count("Weak: same artist as the previous piece") == 2
    assert "The model hears 80.0 % relax" in text


def test_nothing_typed_or_tagged_is_code_on_the_sheet():
    made = listed(clip("a", title=HOSTILE, artist="<script>alert(1)</script>", path='/m/"><img src=x>.flac'))
    typed = '"><script>alert(2)</script>\x07 & more'
    page = session_sheet.session_html(made, Session(typed, typed, typed, typed, typed)).decode()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\x07" not in page
    assert page.count("&amp; more") == 5


def elements(page: str) -> list[tuple[str, list]]:
    """All elements of a page with their attributes."""
    found = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attributes: found.append((tag, attributes))
    reader.feed(page)
    return found


@pytest.mark.parametrize("text", ["</title><script>x()</script>", "<b onclick=x()>", '" onload="x()', "{{ 7 * 7 }}"])
def test_a_hostile_text_adds_no_element_to_the_sheet(text):
    """In whatever place of the sheet it stands, also inside an element that has a text of its own."""

    def sheet(words: str) -> str:
        made = listed(clip("a", title=words, artist=words, path=f"/m/{words}.flac", model_version=words))
        made = replace(
            made, name=words, remarks=(Remark(RemarkKind.LEFT_OUT, words),), rows=made.rows.assign(weak=words)
        )
        return session_sheet.session_html(made, Session(*[words] * 5)).decode()

    assert elements(sheet(text)) == elements(sheet("harmless"))
    assert html.unescape(sheet(text)).count(text.split("/")[0]) >= 11


def test_a_long_note_is_cut_and_lines_are_kept():
    page = session_sheet.session_html(listed(clip("a")), Session(notes="first\nsecond " + "x" * 5000)).decode()
    assert "first\nsecond" in page
    assert "x" * (session_sheet.LONGEST + 1) not in page


# --- levelled copies


@pytest.fixture
def music(tmp_path):
    """Three files: quiet mono, loud stereo of 24 bits, and one with a peak that leaves no room."""
    folder = tmp_path / "müzik"
    folder.mkdir()
    tone(folder / "quiet.flac", 440, seconds=6, level=0.02)
    rng = np.random.default_rng(0)
    soundfile.write(
        folder / "loud.wav", 0.2 * rng.standard_normal((6 * 44_100, 2)).clip(-4, 4), 44_100, subtype="PCM_24"
    )
    peaky = 0.01 * rng.standard_normal(6 * 44_100)
    peaky[1000] = 0.99
    soundfile.write(folder / "peak.ogg", peaky, 44_100)
    rows = [
        clip(name, path=str(folder / name), title=f"{name} / Şarkı", artist=f"A{k}", file_duration_s=6.0)
        for k, name in enumerate(("quiet.flac", "loud.wav", "peak.ogg"))
    ]
    return folder, playlist.level_playlist(listed(*rows, minutes=1), -20.0)


def test_copies_are_level_peaks_are_safe_and_originals_stay(music, tmp_path):
    folder, made = music
    before = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    shares = []
    copies = levelled_copies.level_copies(
        made, tmp_path / "out", progress=lambda share, text: shares.append(share), by=OWNER
    )
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()} == before
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    order = list(made.rows["piece_id"])
    for name, piece in zip(copies.files, order, strict=True):
        y, sr = soundfile.read(copies.folder / name, always_2d=True)
        found = levelled_copies._measured(inspect((copies.folder / name).read_bytes(), name))
        assert found.peak_db <= levelled_copies.PEAK_DB + 0.02
        both = y if y.shape[1] == 2 else np.repeat(y, 2, axis=1)  # one channel plays from both sides
        assert loudness.integrated(both, sr) == pytest.approx(found.lufs)
        if piece != "peak.ogg":
            assert found.lufs == pytest.approx(-20.0, abs=0.05)
        info = soundfile.info(copies.folder / name)
        assert (info.channels, info.subtype) == ((2, "PCM_24") if piece == "loud.wav" else (1, "PCM_16"))
    assert any(remark.kind == RemarkKind.GAIN_LIMITED for remark in copies.playlist.remarks)
    assert entries((copies.folder / "playlist.m3u8").read_bytes()) == list(copies.files)
    assert [unquote(x) for x in locations((copies.folder / "playlist.xspf").read_bytes())] == list(copies.files)
    assert all("/" not in name and name[:2].isdigit() for name in copies.files)
    assert not list(copies.folder.glob("*.part"))


def test_the_copy_is_the_original_times_the_gain(music, tmp_path):
    folder, made = music
    copies = levelled_copies.level_copies(made, tmp_path / "out", form="WAV", by=OWNER)
    place = list(made.rows["piece_id"]).index("loud.wav")
    original, _ = soundfile.read(folder / "loud.wav")
    copy, _ = soundfile.read(copies.folder / copies.files[place])
    gain = copies.playlist.rows["gain_db"].iloc[place]
    assert np.abs(copy - original * 10 ** (gain / 20)).max() < 1e-6


def test_channels_are_read_from_the_header_where_there_is_one(tmp_path):
    tone(tmp_path / "one.flac", 440)
    tone(tmp_path / "two.wav", 440, channels=2)
    (tmp_path / "none.wav").write_bytes(b"no audio")
    found = [levelled_copies.channels(str(tmp_path / name)) for name in ("one.flac", "two.wav", "none.wav", "gone.wav")]
    assert found[:2] == [1.0, 2.0]
    assert np.isnan([*found[2:], levelled_copies.channels("s3://bucket/a.flac")]).all()


def test_a_peak_between_the_samples_counts():
    """A tone at a quarter of the rate, sampled beside its crests, reaches 3 dB above its samples."""
    t = np.arange(44_100) / 44_100
    y = 0.5 * np.sin(2 * np.pi * 11_025 * t + np.pi / 4)
    buffer = io.BytesIO()
    soundfile.write(buffer, y, 44_100, format="WAV", subtype="FLOAT")
    assert np.abs(y).max() == pytest.approx(0.5 / np.sqrt(2), rel=1e-6)
    assert levelled_copies._measured(inspect(buffer.getvalue(), "x.wav")).peak_db == pytest.approx(
        20 * np.log10(0.5), abs=0.3
    )


def test_silence_is_copied_as_it_is():
    silent = levelled_copies.FileLoudness(float("nan"), float("-inf"))
    assert silent.gain_db(-18.0) == 0.0


def test_a_file_that_is_gone_or_damaged_is_named(music, tmp_path):
    folder, made = music
    (folder / "loud.wav").unlink()
    with pytest.raises(AudioError, match="loud.wav cannot be read: the file was moved or is damaged"):
        levelled_copies.level_copies(made, tmp_path / "out", by=OWNER)
    (folder / "loud.wav").write_bytes(b"no audio")
    with pytest.raises(AudioError, match="loud.wav cannot be read"):
        levelled_copies.level_copies(made, tmp_path / "out", by=OWNER)


def test_places_and_forms_that_do_not_work(music, tmp_path):
    _, made = music
    with pytest.raises(CoreError, match="must be FLAC, WAV, M4A, MP3, not OGG"):
        levelled_copies.level_copies(made, tmp_path / "out", form="OGG", by=OWNER)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CoreError, match="cannot be written into"):
        levelled_copies.level_copies(made, tmp_path / "file" / "below", by=OWNER)


def test_the_same_sound_in_one_and_two_channels_is_as_loud(tmp_path):
    y = 0.05 * np.random.default_rng(0).standard_normal(6 * 44_100)
    soundfile.write(tmp_path / "mono.wav", y, 44_100)
    soundfile.write(tmp_path / "stereo.wav", np.column_stack([y, y]), 44_100)
    rows = [clip(n, path=str(tmp_path / n), title=n, artist=n, file_duration_s=6.0) for n in ("mono.wav", "stereo.wav")]
    copies = levelled_copies.level_copies(
        playlist.level_playlist(listed(*rows, minutes=1), -30.0),
        tmp_path / "out",
        form="WAV",
        by=OWNER,
    )
    left = [soundfile.read(copies.folder / name, always_2d=True)[0][:, 0] for name in copies.files]
    assert np.abs(left[0] - left[1]).max() < 2e-4


@pytest.mark.parametrize("title", ["漢" * 120, "Ş" * 150, "a" * 300, "...", "50% #1: ne?"])
def test_every_title_makes_a_name_that_disks_and_players_take(title, tmp_path):
    tone(tmp_path / "a.wav", 440, seconds=1)
    made = listed(clip("a", path=str(tmp_path / "a.wav"), title=title, file_duration_s=6.0), minutes=1)
    (name,) = levelled_copies.level_copies(made, tmp_path / "out", by=OWNER).files
    assert (tmp_path / "out" / name).is_file()
    assert len(name.encode()) < 255
    assert not set(name) & set('#%?:"')
    assert entries((tmp_path / "out" / "playlist.m3u8").read_bytes()) == [name]


def test_two_sessions_may_write_the_same_copies(music, tmp_path):
    """Each begins while the other is in the middle of it."""
    _, made = music
    inner = []

    def meanwhile(share: float, text: str) -> None:
        if share and not inner:
            inner.append(levelled_copies.level_copies(made, tmp_path / "out", by=OWNER))

    outer = levelled_copies.level_copies(made, tmp_path / "out", progress=meanwhile, by=OWNER)
    assert outer.files == inner[0].files
    assert {p.name for p in outer.folder.iterdir()} == {
        *outer.files,
        *("playlist.m3u8", "playlist.xspf", "playlist.csv"),
    }
    assert all(soundfile.info(outer.folder / name).frames > 0 for name in outer.files)
    with (
        replacing(tmp_path / "x.wav") as one,
        replacing(tmp_path / "x.wav") as other,
    ):
        assert one != other
        one.write_bytes(b"1")
        other.write_bytes(b"2")
    assert (tmp_path / "x.wav").read_bytes() in (b"1", b"2")
    assert not list(tmp_path.glob("*.part"))


def test_the_zip_holds_copies_playlist_and_sheet(music, tmp_path):
    _, made = music
    copies = levelled_copies.level_copies(made, tmp_path / "out", by=OWNER)
    with levelled_copies.zip_copies(copies, ("sheet.html", b"<html>")) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            *copies.files,
            "playlist.m3u8",
            "playlist.xspf",
            "playlist.csv",
            "sheet.html",
        }
        assert archive.read(copies.files[0]) == (copies.folder / copies.files[0]).read_bytes()
    assert levelled_copies.size_mb(copies) > 0
    assert {p.name for p in copies.folder.iterdir()} == {
        *copies.files,
        *("playlist.m3u8", "playlist.xspf", "playlist.csv"),
    }


def test_a_large_zip_is_made_on_the_disk_and_not_in_memory(tmp_path):
    for name in ("a.flac", "playlist.m3u8", "playlist.xspf", "playlist.csv"):
        (tmp_path / name).write_bytes(b"")
    with open(tmp_path / "a.flac", "wb") as file:
        file.truncate(40_000_000)
    copies = levelled_copies.Copies(listed(clip("a")), tmp_path, ("a.flac",))
    tracemalloc.start()
    try:
        with levelled_copies.zip_copies(copies) as file:
            assert file.seek(0, io.SEEK_END) > 40_000_000
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_session_sheet_shows_each_gain_on_every_width_and_its_form_stays_on_one_page(path):
    text = session_sheet.session_html(path, Session()).decode()
    rows = re.findall(r"<tr>\s*<td.*?</tr>", text, re.DOTALL)
    assert [files.gain_text(gain) in row for gain, row in zip(path.rows["gain_db"], rows, strict=True)] == [True] * len(
        rows
    )
    assert re.findall(r"([^{}]+){ display: none", text) == [" button "]  # only when it is printed
    form = text.partition('<section class="form">')[2].partition("</section>")[0]
    assert all(field in form for field in session_sheet.WRITTEN)
    assert re.search(r"@media print {.*\.form { break-inside: avoid", text, re.DOTALL)
