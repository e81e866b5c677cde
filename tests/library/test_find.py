"""Finding and reading files: order, links, names that are no text, and files that do not hold still."""

import io
import os
import socket
import threading
from pathlib import Path

import fsspec
import libraries
import pytest

from core.errors import CoreError
from core.library.addresses import safe
from core.library.find import find_audio
from core.library.reading import UnreadError, access_problem, read_content
from core.records import FoundFile


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def names(root) -> list[str]:
    return [f.name for f in find_audio(str(root))]


def problems(root) -> dict[str, str]:
    return {f.name: f.problem for f in find_audio(str(root)) if f.problem}


def test_files_come_in_the_order_of_their_names_and_only_audio_that_is_not_hidden(tmp_path):
    touch(tmp_path, "b.wav", "a.wav", "a/z.MP3", "a/b/c.flac", "a.b/x.ogg", "Ş.wav", "notes.txt", "cover.jpg", "x.m4a")
    touch(tmp_path, ".hidden.wav", ".git/x.wav", "a/._x.mp3")
    found = names(tmp_path)
    assert set(found) == {"b.wav", "a.wav", "a/z.MP3", "a/b/c.flac", "a.b/x.ogg", "Ş.wav", "x.m4a"}
    assert found == sorted(found, key=lambda name: name.split("/"))


def test_a_single_file_is_a_library_of_one(tmp_path):
    touch(tmp_path, "a.wav", "b.wav")
    assert [(f.name, f.size) for f in find_audio(str(tmp_path / "b.wav"))] == [("b.wav", 1)]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(CoreError, match="cannot be read: No such file"):
        list(find_audio(str(tmp_path / "nowhere")))


def test_links_that_lead_back_end_and_are_listed(tmp_path):
    touch(tmp_path, "music/a.wav", "music/deep/b.wav")
    (tmp_path / "music/deep/up").symlink_to("..")
    (tmp_path / "music/self").symlink_to(tmp_path / "music")
    (tmp_path / "music/ring.wav").symlink_to("ring.wav")
    (tmp_path / "music/above").symlink_to(tmp_path)
    assert set(names(tmp_path / "music")) == {"a.wav", "deep/b.wav", "deep/up", "self", "ring.wav", "above"}
    said = problems(tmp_path / "music")
    assert set(said) == {"deep/up", "self", "ring.wav", "above"}
    assert all("loop" in reason for reason in said.values())


def test_a_link_is_followed_once_and_not_where_its_folder_is_read_anyway(tmp_path):
    touch(tmp_path, "music/a.wav", "music/sub/b.wav", "music/.store/c.wav", "other/d.wav", "other/e/f.wav")
    (tmp_path / "music/alias").symlink_to("sub")  # read as sub
    (tmp_path / "music/shown").symlink_to(".store")  # hidden under its own name
    (tmp_path / "music/far").symlink_to(tmp_path / "other")
    (tmp_path / "music/far too").symlink_to(tmp_path / "other/e")
    (tmp_path / "music/one.wav").symlink_to(tmp_path / "other/d.wav")
    found = {f.name: f.problem for f in find_audio(str(tmp_path / "music"))}
    assert {n for n, problem in found.items() if not problem} == {
        *("a.wav", "far/d.wav", "far/e/f.wav", "one.wav", "shown/c.wav", "sub/b.wav")
    }
    assert found["far too"] == "The same folder was already read as far/e."


def test_links_to_nothing_pipes_sockets_and_names_that_are_no_text_are_listed(tmp_path, monkeypatch):
    (tmp_path / "gone.wav").symlink_to("nothing.wav")
    (tmp_path / "gone").symlink_to("nothing")  # no audio by its name: left out
    os.mkfifo(tmp_path / "pipe.wav")
    monkeypatch.chdir(tmp_path)  # an address of a socket may have 107 characters
    with socket.socket(socket.AF_UNIX) as held:
        held.bind("socket.wav")
        Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.wav")).write_bytes(b"x")
        said = problems(tmp_path)
    assert set(said) == {"gone.wav", "pipe.wav", "socket.wav", "caf\ufffd.wav"}
    assert "its target does not exist" in said["gone.wav"]
    assert "pipe or a device" in said["pipe.wav"]
    assert "not valid UTF-8" in said["caf\ufffd.wav"]


def test_a_folder_without_rights_is_listed_and_the_rest_is_found(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav", "locked/b.wav", "z.wav")
    scandir = os.scandir

    def refused(path):  # root may read everything, so rights cannot be taken away for real
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert problems(tmp_path) == {"locked": "This folder cannot be opened: Permission denied."}
    assert names(tmp_path) == ["a.wav", "locked", "z.wav"]


def test_no_link_leads_out_of_the_folder_that_is_set(tmp_path):
    touch(tmp_path, "music/sub/a.wav", "music/other/b.wav", "out/private.wav")
    (tmp_path / "music/sub/way").symlink_to(tmp_path / "out")
    (tmp_path / "music/sub/file.wav").symlink_to(tmp_path / "out/private.wav")
    (tmp_path / "music/sub/beside").symlink_to(tmp_path / "music/other")  # elsewhere, and within
    (tmp_path / "music/sub/b too.wav").symlink_to("../other/b.wav")
    within = str(tmp_path / "music")
    found = {f.name: f.problem for f in find_audio(str(tmp_path / "music/sub"), within=within)}
    out = "A symbolic link that leads out of the permitted folder. It is not followed."
    assert found == {"a.wav": "", "b too.wav": "", "beside/b.wav": "", "file.wav": out, "way": out}
    (alone,) = find_audio(str(tmp_path / "music/sub/file.wav"), within=within)
    assert alone.problem == out
    assert len(names(tmp_path / "music/sub")) == 5
    assert not problems(tmp_path / "music/sub")


def test_a_sign_of_life_comes_also_where_there_is_no_audio(tmp_path):
    touch(tmp_path, *(f"{k}.txt" for k in range(50)), "sub/x.jpg")
    beats = []
    assert list(find_audio(str(tmp_path), beat=lambda: beats.append(1))) == []
    assert len(beats) == 52


def test_a_flat_folder_costs_its_names_and_not_more(tmp_path):
    import tracemalloc

    count = 8_000
    for k in range(count):
        os.close(os.open(tmp_path / f"{k:06d}.wav", os.O_CREAT))
    tracemalloc.start()
    assert sum(1 for _ in find_audio(str(tmp_path))) == count
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most / count < 150  # bytes a file; an entry of the directory has 900


def test_a_tree_deeper_than_the_stack_is_walked(tmp_path):
    folders = [str(tmp_path)]
    for _ in range(1200):
        folders.append(folders[-1] + "/d")
        os.mkdir(folders[-1])
    file = folders[-1] + "/deep.wav"
    Path(file).touch()
    assert [f.path for f in find_audio(str(tmp_path))] == [file]
    os.unlink(file)
    for folder in reversed(folders[1:]):  # what clears up after tests is not as patient
        os.rmdir(folder)


# reading


def growing(monkeypatch, path: Path, times: int):
    """Let the file be written to whenever it has been read, so many times."""
    left = [times]

    class Watched(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            if left[0]:
                left[0] -= 1
                with open(path, "ab") as other:
                    other.write(b"more")
            return data

    monkeypatch.setattr("core.library.reading.open", Watched, raising=False)
    monkeypatch.setattr("core.library.reading.PAUSE_S", 0)


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav")
    growing(monkeypatch, tmp_path / "a.wav", 1)
    content = read_content(libraries.found(tmp_path / "a.wav"), max_mb=1)
    assert content.data == b"xmore"
    assert content.size == 5


def test_a_file_that_keeps_changing_is_left_for_another_time(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav")
    growing(monkeypatch, tmp_path / "a.wav", 2)
    with pytest.raises(UnreadError, match="changed twice while it was read"):
        read_content(libraries.found(tmp_path / "a.wav"), max_mb=1)


def test_a_file_written_a_moment_ago_has_no_stamp_to_be_trusted(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav")
    assert read_content(libraries.found(tmp_path / "a.wav"), max_mb=1).stamp == ""
    libraries.settle(monkeypatch)
    (same,) = find_audio(str(tmp_path))
    assert read_content(same, max_mb=1).stamp == same.stamp != ""


def test_a_time_in_the_future_is_no_reason_to_read_a_file_for_ever(tmp_path, monkeypatch):
    """But one that a clock of another machine may have told is."""
    touch(tmp_path, "a.wav")
    now = os.stat(tmp_path / "a.wav").st_ctime
    for ahead, trusted in ((-60, True), (0, True), (60, False), (120, False), (86_400, True)):
        os.utime(tmp_path / "a.wav", (now + ahead, now + ahead))
        here = os.stat(tmp_path / "a.wav")
        monkeypatch.setattr("core.library.reading.time.time", lambda here=here: here.st_ctime + 60)  # a minute later
        assert (read_content(libraries.found(tmp_path / "a.wav"), max_mb=1).stamp != "") is trusted, ahead


def test_the_stamp_sees_a_change_whose_time_was_set_back(tmp_path):
    touch(tmp_path, "a.wav")
    (before,) = find_audio(str(tmp_path))
    times = os.stat(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(b"y")
    os.utime(tmp_path / "a.wav", ns=(times.st_atime_ns, times.st_mtime_ns))
    (after,) = find_audio(str(tmp_path))
    assert (before.size, before.stamp.split()[0]) == (after.size, after.stamp.split()[0])
    assert before.stamp != after.stamp


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("gone.wav", "was removed after the folder was listed"),
        ("big.wav", "has 1.1 MB; the limit is 1 MB. Raise"),
        ("a", "directory"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path, name, match):
    (tmp_path / "big.wav").write_bytes(bytes(1_000_001))
    (tmp_path / "a").mkdir()
    with pytest.raises(UnreadError, match=match):
        read_content(FoundFile(str(tmp_path / name), name), max_mb=1)


def test_a_size_is_never_nothing_and_never_less_than_its_limit(tmp_path):
    (tmp_path / "a.wav").write_bytes(bytes(20_001))
    with pytest.raises(UnreadError, match=r"has 0\.1 MB; the limit is 0\.02 MB.*--max-mb"):
        read_content(FoundFile(str(tmp_path / "a.wav"), "a.wav"), max_mb=0.02)


def test_a_large_file_of_a_format_that_is_not_read_says_what_would_help(tmp_path):
    (tmp_path / "a.dsf").write_bytes(bytes(1_000_001))
    with pytest.raises(UnreadError, match="The format DSF is not supported: convert it to WAV or FLAC"):
        read_content(FoundFile(str(tmp_path / "a.dsf"), "a.dsf"), max_mb=1)


# addresses


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def test_an_address_is_walked_and_read_as_a_folder_is(memory):
    for name in ("b.wav", "a/z.mp3", "a/b/c.flac", ".hidden/x.wav", "notes.txt"):
        memory.pipe(f"/lib/{name}", name.encode())
    skipped: list[str] = []
    found = list(find_audio("memory://lib", skip=skipped.append))
    assert sorted(skipped) == ["hidden", "not audio"]
    assert [f.name for f in found] == ["a/b/c.flac", "a/z.mp3", "b.wav"]
    assert read_content(found[0], max_mb=1).data == b"a/b/c.flac"
    assert found[0].stamp
    memory.pipe("/lib/b.wav", b"other")
    (again,) = (f for f in find_audio("memory://lib") if f.name == "b.wav")
    assert again.stamp != found[2].stamp


def test_a_file_gone_or_changed_at_an_address_is_noticed(memory, monkeypatch):
    memory.pipe("/lib/b.wav", b"1234")
    (found,) = find_audio("memory://lib")
    monkeypatch.setattr("core.library.reading.PAUSE_S", 0)
    monkeypatch.setattr(type(memory), "cat_file", lambda *_, **__: b"12")
    with pytest.raises(UnreadError, match="changed twice while it was read"):
        read_content(found, max_mb=1)
    monkeypatch.undo()
    memory.rm("/lib/b.wav")
    with pytest.raises(UnreadError, match="was removed after the folder was listed"):
        read_content(found, max_mb=1)


def test_an_empty_file_at_an_address_that_is_written_to_has_changed(memory, monkeypatch):
    """Zero bytes are a size; only a storage that names none leaves it unknown."""
    memory.pipe("/lib/b.wav", b"")
    (found,) = find_audio("memory://lib")
    monkeypatch.setattr("core.library.reading.PAUSE_S", 0)
    monkeypatch.setattr(type(memory), "cat_file", lambda *_, **__: b"12")
    with pytest.raises(UnreadError, match="changed twice while it was read"):
        read_content(found, max_mb=1)


def test_a_storage_that_names_no_size_does_not_lift_the_limit(memory, monkeypatch):
    memory.pipe("/lib/b.wav", bytes(2_000_000))
    real = type(memory).info
    monkeypatch.setattr(type(memory), "info", lambda *a, **k: {**real(*a, **k), "size": None})
    monkeypatch.setattr(type(memory), "cat_file", lambda *_, **__: bytes(2_000_000))
    found = FoundFile("memory://lib/b.wav", "b.wav")
    assert read_content(found, max_mb=3).size == 2_000_000
    with pytest.raises(UnreadError, match="has 2 MB; the limit is 1 MB"):
        read_content(found, max_mb=1)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("memory://nowhere", "cannot be read"),
        ("nosuch://x/y", "not installed"),
        ("adl://x/y", "not installed"),
    ],
)
def test_an_address_that_is_none_is_a_sentence(memory, address, match):
    with pytest.raises(CoreError, match=match):
        list(find_audio(address))


def test_what_an_address_needs_is_named(monkeypatch):
    import fsspec.core

    def missing(_):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(CoreError, match=r"not installed: Install s3fs to access S3\. .*: pip install s3fs"):
        list(find_audio("s3://bucket/music"))


def test_a_fault_of_the_storage_is_a_sentence_whatever_its_kind(memory, monkeypatch):
    class NoCredentialsError(Exception):
        """As botocore has one."""

    def refused(*_, **__):
        raise NoCredentialsError("Unable to locate credentials")

    memory.pipe("/lib/sub/b.wav", b"1234")
    (found,) = find_audio("memory://lib")
    monkeypatch.setattr(type(memory), "cat_file", refused)
    with pytest.raises(UnreadError, match=r"It cannot be read: Unable to locate credentials\."):
        read_content(found, max_mb=1)
    assert access_problem(found.path) == ""
    assert access_problem("memory://lib/none.wav") == "There is no such file."
    monkeypatch.setattr(type(memory), "info", refused)
    assert access_problem(found.path) == "It cannot be read: Unable to locate credentials."
    monkeypatch.setattr(type(memory), "isdir", refused)
    with pytest.raises(CoreError, match="memory://lib cannot be read: Unable to locate credentials"):
        list(find_audio("memory://lib"))


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(CoreError) as caught:
        list(find_audio("nosuch://me:geheim@host/y"))
    assert "geheim" not in str(caught.value)


def test_files_of_this_machine_may_be_named_by_an_address(tmp_path):
    touch(tmp_path, "a.wav")
    (found,) = find_audio("local:" + f"//{tmp_path}")
    assert found.path == str(tmp_path / "a.wav")


def test_files_behind_a_web_server_are_found_and_read(tmp_path):
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    touch(tmp_path, "a.wav", "sub/b.flac")

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        found = list(find_audio(address))
        assert [f.name for f in found] == ["a.wav", "sub/b.flac"]
        assert read_content(found[1], max_mb=1).data == b"x"
        server.shutdown()


@pytest.mark.parametrize("scheme", ["ftp", "sftp", "smb"])
def test_servers_whose_files_have_no_address_are_refused_with_the_way_out(scheme):
    with pytest.raises(CoreError, match=f"Music at {scheme}:// cannot be scored. Mount the server as a folder"):
        list(find_audio(f"{scheme}://user:secret@host/music"))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://key:secret@bucket/a@b/c", "s3://bucket/a@b/c"),
        ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
        ("https://user@host", "https://host"),
        ("/music/a@b", "/music/a@b"),
    ],
)
def test_addresses_are_shown_without_passwords(address, shown):
    assert safe(address) == shown


def test_a_name_that_is_two_addresses_is_told():
    fsspec.filesystem("memory").pipe("/twice/a::b.mp3", b"x")
    (found,) = find_audio("memory://twice")
    assert "contains '::'" in found.problem
