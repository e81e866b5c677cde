"""MusicBrainz, Spotify and YouTube: pages, what is read of an answer, and answers of an unknown form."""

import pytest

from core.settings import Settings
from core.sources.musicbrainz import MusicBrainz
from core.sources.names import find_source
from core.sources.protocol import SourceError
from core.sources.spotify import Spotify
from core.sources.web import Web
from core.sources.youtube import YouTube

ARTIST = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
ALBUM, PLAYLIST = "0" * 22, "PL0123456789"


def recording(number, **more):
    return {
        "id": f"r{number}",
        "title": f"Şarkı {number}",
        "length": 180_000,
        "isrcs": ["TRA017100001"],
        "first-release-date": "1971-05-01",
        "artist-credit": [{"name": "Ayşe", "joinphrase": " & "}, {"name": "Koro", "joinphrase": ""}],
        **more,
    }


def musicbrainz(service):
    return MusicBrainz("artist", ARTIST, contact="me@example.org", base=service.address, web=Web("MusicBrainz"))


def track(number, **more):
    return {"id": f"t{number}", "name": f"Türkü {number}", "artists": [{"name": "Ali"}], "duration_ms": 1500, **more}


def spotify(service, kind="album", asked=ALBUM):
    login = f"{service.address}/token"
    return Spotify(kind, asked, key="id", secret="geheim", base=service.address, login=login)


def video(number, **details):
    return {
        "snippet": {"title": f"Video {number}", "videoOwnerChannelTitle": "Ayşe - Topic"},
        "contentDetails": {"videoId": f"v{number}", "videoPublishedAt": "2020-01-01T00:00:00Z", **details},
    }


def youtube(service):
    return YouTube("playlist", PLAYLIST, key="geheim", base=service.address)


def test_recordings_of_an_artist_come_page_by_page(service):
    service.answer({"recording-count": 3, "recordings": [recording(0), recording(1)]})
    service.answer({"recording-count": 3, "recordings": [recording(2, length=None, isrcs=[])]})
    first, last = musicbrainz(service).list()
    assert (first.after, last.after) == ("2", "")
    assert [q.asked["offset"] for q in service.questions] == ["0", "2"]
    assert service.questions[0].asked["artist"] == ARTIST
    assert service.questions[0].asked["inc"] == "artist-credits isrcs"
    assert "me@example.org" in service.questions[0].headers["User-Agent"]
    assert first.items[0].facts == {
        "title": "Şarkı 0",
        "artist": "Ayşe & Koro",
        "year": 1971,
        "isrc": "TRA017100001",
        "duration_s": 180.0,
        "address": "https://musicbrainz.org/recording/r0",
    }
    assert "isrc" not in last.items[0].facts


def test_a_list_goes_on_where_it_stopped(service):
    service.answer({"recording-count": 3, "recordings": [recording(2)]})
    (page,) = musicbrainz(service).list("2")
    assert (page.items[0].id, service.questions[0].asked["offset"]) == ("r2", "2")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ({"recordings": []}, "recording-count"),
        ({"recording-count": 1, "recordings": [{"id": "r"}]}, r"recordings\.0\.title"),
        ({"recording-count": 1, "recordings": [recording(0, length="3:00")]}, r"recordings\.0\.length"),
        ([], "the whole answer"),
    ],
)
def test_an_answer_of_an_unknown_form_names_the_place(service, answer, place):
    service.answer(answer)
    with pytest.raises(SourceError, match=rf"form that this program does not know: {place} .*Nothing of this answer"):
        list(musicbrainz(service).list())


def test_tracks_of_an_album_come_after_a_login(service):
    service.answer({"access_token": "pass", "expires_in": 3600})
    service.answer({"items": [track(0)], "total": 2, "next": "https://elsewhere.example/?offset=1"})
    service.answer({"items": [track(1)], "total": 2, "next": None})
    pages = list(spotify(service).list())
    login, first, second = service.questions
    assert (login.method, login.body) == ("POST", "grant_type=client_credentials")
    assert login.headers["Authorization"].startswith("Basic ")
    assert first.headers["Authorization"] == second.headers["Authorization"] == "Bearer pass"
    assert [first.path, second.asked["offset"]] == [f"/albums/{ALBUM}/tracks", "1"]
    assert [item.facts["title"] for page in pages for item in page.items] == ["Türkü 0", "Türkü 1"]


def test_a_search_asks_for_no_more_than_spotify_gives(service, monkeypatch):
    monkeypatch.setattr("core.sources.spotify.LAST_OFFSET", 1)
    album = {"name": "Albüm", "release_date": "1999"}
    service.answer({"access_token": "pass"})
    service.answer({"tracks": {"items": [track(0, album=album, external_ids={"isrc": "TR1"})], "total": 5000}})
    (page,) = spotify(service, "search", "ney taksimi").list()
    assert service.questions[1].asked["limit"] == "10"
    assert page.after == ""
    facts = page.items[0].facts
    assert (facts["isrc"], facts["album"], facts["year"], facts["duration_s"]) == ("TR1", "Albüm", 1999, 1.5)


def test_videos_come_page_by_page_and_private_ones_are_left_out(service):
    private = {"snippet": {"title": "Private video"}, "contentDetails": {"videoId": "x"}}
    service.answer({"items": [video(0), private], "nextPageToken": "NEXT"})
    service.answer({"items": [video(1)]})
    first, last = youtube(service).list()
    assert (first.after, first.left_out, last.after) == ("NEXT", 1, "")
    assert service.questions[1].asked["pageToken"] == "NEXT"
    assert service.questions[0].headers["X-Goog-Api-Key"] == "geheim"
    assert all("geheim" not in q.asked.values() for q in service.questions)
    assert first.items[0].facts["artist"] == "Ayşe"


@pytest.mark.parametrize("source", [musicbrainz, spotify, youtube])
def test_no_service_gives_sound(service, source):
    found = source(service)
    assert not found.licence.sound
    assert found.place == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("musicbrainz:artist/nobody", "needs a kind .* and its id of 36 characters"),
        (f"musicbrainz:label/{ARTIST}", "needs a kind"),
        (f"musicbrainz:artist/{ARTIST}", "Set TME_MUSICBRAINZ_CONTACT"),
        (f"spotify:album/{ALBUM}", "set TME_SPOTIFY_ID and TME_SPOTIFY_SECRET"),
        ("spotify:album/../me", "the id of 22 characters"),
        ("spotify:playlist/x", "can be read only with a login of the person who owns it"),
        (f"youtube:playlist/{PLAYLIST}", "set TME_YOUTUBE_KEY"),
        ("youtube:video/x", r"needs youtube:playlist/ID"),
        ("deezer:album/1", "'deezer:album/1' is not a known source. Give one of: a folder"),
    ],
)
def test_a_name_or_a_key_that_is_missing_says_what_to_give(name, words, monkeypatch):
    for setting in ("MUSICBRAINZ_CONTACT", "SPOTIFY_ID", "SPOTIFY_SECRET", "YOUTUBE_KEY"):
        monkeypatch.delenv(f"TME_{setting}", raising=False)
    with pytest.raises(SourceError, match=words):
        find_source(name, Settings(), max_mb=1)


def test_a_contact_cannot_add_a_header():
    with pytest.raises(SourceError, match="Set TME_MUSICBRAINZ_CONTACT"):
        MusicBrainz("artist", ARTIST, contact="me\r\nX-Other: 1")


def test_settings_do_not_show_secrets():
    assert "geheim" not in repr(Settings(spotify_id="geheim", spotify_secret="geheim", youtube_key="geheim"))
