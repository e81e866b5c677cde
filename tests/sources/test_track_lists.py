"""A CSV file of tracks: its columns, its sound, and addresses that nobody should follow."""

import os

import libraries
import pytest

from core.sources.downloads import Downloads
from core.sources.protocol import SourceError
from core.sources.track_lists import TrackList

WAV = libraries.tiny(1)


@pytest.fixture
def listed(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()

    def make(text, *, hosts=("127.0.0.1",), max_mb=1.0, encoding="utf-8"):
        (folder / "tracks.csv").write_bytes(text.encode(encoding))
        downloads = Downloads(tmp_path / "fetched", hosts=hosts, max_mb=max_mb)
        return TrackList(folder / "tracks.csv", downloads=downloads)

    return make


def items(source):
    return [item for page in source.list() for item in page.items]


def test_rows_have_facts_licence_and_a_stamp(listed):
    text = "\ufeffTitle;Artist;Year;Licence;Mood\nHüzün;Ayşe;1971;CC BY 4.0;sad\nNeşe;;soon;;\n;nobody;;;\n"
    first, second = items(listed(text))
    assert first.facts == {"title": "Hüzün", "artist": "Ayşe", "year": 1971}
    assert (first.licence, second.licence) == ("CC BY 4.0", "")
    assert second.facts == {"title": "Neşe"}
    (changed, _) = items(listed(text.replace("1971", "1972")))
    assert changed.id == first.id
    assert changed.known_stamp != first.known_stamp
    assert items(listed(text))[0].known_stamp == first.known_stamp


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        ("song,band\na,b\n", "utf-8", "has no column address and no column title"),
        ("", "utf-8", "has no column address"),
        ("title\nŞarkı\n", "cp1254", "is not in UTF-8"),
        ('title\n"open', "utf-8", "is not a CSV file: line 2"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(listed, text, encoding, words):
    with pytest.raises(SourceError, match=words):
        items(listed(text, encoding=encoding))


def test_sound_below_the_folder_of_the_list_is_read_where_it_is(listed, tmp_path):
    source = listed("address\nsub/a.wav\n")
    (tmp_path / "lists" / "sub").mkdir()
    (tmp_path / "lists" / "sub" / "a.wav").write_bytes(WAV)
    (item,) = items(source)
    found = source.fetch(item)
    assert (found.path, found.problem) == (str(tmp_path / "lists" / "sub" / "a.wav"), "")
    assert source.place == str(tmp_path / "lists")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("../secret.wav", "leads out of the folder of the list"),
        ("/etc/passwd", "leads out of the folder of the list"),
        ("link.wav", "leads out of the permitted folder"),
        ("missing.wav", "There is no such file"),
        ("file:" + "///etc/passwd", "Only paths and web addresses"),
        ("s3://bucket/a.wav", "Only paths and web addresses"),
        ("simplecache::http://x/a.wav", "Only paths and web addresses"),
    ],
)
def test_a_list_of_somebody_else_opens_no_other_place(listed, tmp_path, address, words):
    (tmp_path / "secret.wav").write_bytes(WAV)
    source = listed(f"address\n{address}\n")
    (tmp_path / "lists" / "link.wav").symlink_to(tmp_path / "secret.wav")
    (item,) = items(source)
    assert words in source.fetch(item).problem


def test_a_password_in_an_address_is_not_shown(listed):
    found = fetched(listed("address\nftp://ayşe:geheim@music.example/a.wav\n"))
    assert (found.path, found.name) == ("ftp://music.example/a.wav", "ftp://music.example/a.wav")


def fetched(source):
    (item,) = items(source)
    return source.fetch(item)


def test_sound_from_the_web_is_fetched_once(listed, service):
    source = listed(f"address\n{service.address}/m%C3%BCzik/ney.mp3?key=geheim\n")
    service.answer(WAV, Last_Modified="Fri, 01 May 2020 10:00:00 GMT")
    first = fetched(source)
    assert first.problem == ""
    assert first.name.startswith("ney ")
    assert first.name.endswith(".wav")  # what it is, and not what its address says
    service.answer(status=304)
    assert fetched(source) == first
    assert service.questions[1].headers["If-Modified-Since"] == "Fri, 01 May 2020 10:00:00 GMT"
    service.answer(WAV)  # a server that does not know when its files change
    assert fetched(source) == first
    service.answer(libraries.tiny(2))
    changed = fetched(source)
    assert (changed.path, changed.stamp == first.stamp) == (first.path, False)
    assert os.listdir(source.place) == [first.name]


def test_while_the_server_is_away_the_stored_file_counts(listed, service):
    source = listed(f"address\n{service.address}/a.wav\n")
    service.answer(WAV)
    first = fetched(source)
    service.answer(status=503)
    assert fetched(source) == first
    service.answer(status=404)
    assert "no such file on the server" in fetched(source).problem


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html><body>Log in</body></html>", "and no audio"),
        (200, WAV + b"0" * 2_000_000, "larger than 1 MB"),
        (401, b"", "does not give this file to everybody"),
        (403, b"", "does not give this file to everybody"),
        (404, b"", "no such file on the server"),
        (429, b"", "is busy"),
        (418, b"", "status 418 instead of the file"),
    ],
)
def test_an_answer_without_the_sound_is_a_problem_of_its_row(listed, service, status, body, words):
    source = listed(f"address\n{service.address}/a.wav?key=geheim\n")
    service.answer(body, status=status)
    found = fetched(source)
    assert words in found.problem
    assert "geheim" not in found.path + found.problem
    assert not os.path.exists(source.place)


def test_an_address_in_a_private_network_gets_no_question(listed, service):
    found = fetched(listed(f"address\n{service.address}/a.wav\n", hosts=()))
    assert "leads into a private network" in found.problem
    assert service.questions == []


def test_a_redirect_into_a_private_network_is_not_followed(listed, service):
    other = service.address.replace("127.0.0.1", "localhost")
    service.answer(status=302, Location=f"{other}/inside.wav")
    found = fetched(listed(f"address\n{service.address}/a.wav\n"))
    assert "leads into a private network" in found.problem
    assert [q.path for q in service.questions] == ["/a.wav"]


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(listed, service):
    service.answer(status=302, Location="file:" + "///etc/passwd")
    assert "cannot be reached" in fetched(listed(f"address\n{service.address}/a.wav\n")).problem
