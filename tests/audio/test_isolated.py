"""The decoder's own process: what happens in it, also the worst, stays in it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks.audio_files import SR, by_libsndfile, made
from core.audio import isolated
from core.audio.decoding import Source, blocks, decode, inspect
from core.errors import AudioError, CoreError

ROOT = Path(__file__).parent.parent.parent


def test_the_process_is_kept_for_the_next_file():
    decode(made("m4a"), "x")
    before = isolated.pids()
    decode(made("opus"), "x")
    assert isolated.pids() == before
    assert os.getpid() not in before


def test_a_decoder_that_dies_makes_a_sentence_and_the_next_file_is_read():
    source = inspect(made("m4a", 12.0), "song.m4a")
    read = blocks(source)
    next(read)
    (busy,) = set(children()) - set(isolated.pids())
    os.kill(busy, signal.SIGKILL)
    with pytest.raises(AudioError, match=r"song.m4a made the decoder stop.*export it as WAV or FLAC"):
        list(read)
    assert decode(made("m4a"), "x").duration_s == pytest.approx(2.0, abs=0.05)


def test_ffmpeg_is_loaded_for_the_first_file_that_needs_it():
    isolated.end_all()
    decode(made("flac"), "x")
    (pid,) = isolated.pids()
    assert "libavcodec" not in Path(f"/proc/{pid}/maps").read_text()
    decode(made("m4a"), "x")
    assert "libavcodec" in Path(f"/proc/{pid}/maps").read_text()
    assert isolated.pids() == [pid]


def children() -> list[int]:
    """Processes that this one started for decoding."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid() and b"core.audio.isolated_worker" in words:
                found.append(int(place.name))
    return found


def test_a_process_that_was_ended_between_two_files_is_replaced():
    decode(made("m4a"), "x")
    (first, *_) = isolated.pids()
    os.kill(first, signal.SIGKILL)
    assert decode(made("m4a"), "x").duration_s == pytest.approx(2.0, abs=0.05)


def test_a_file_that_is_not_read_to_its_end_frees_its_process_when_it_is_closed(monkeypatch):
    monkeypatch.setattr(isolated, "BUSY_S", 0.1)
    sources = [inspect(made("m4a", 12.0), "song.m4a") for _ in range(isolated.MOST)]
    read = [blocks(source) for source in sources]
    for one in read:
        next(one)
    with pytest.raises(CoreError, match=r"decoding other files.*Try again in a minute") as busy:
        decode(made("m4a"), "x")
    assert not isinstance(busy.value, AudioError)  # it says nothing about the file
    for one in read:
        one.close()
    assert decode(made("m4a"), "x").duration_s == pytest.approx(2.0, abs=0.05)


def test_a_limit_of_the_machine_is_not_the_fault_of_the_file(tmp_path):
    """A machine that limits the memory of its programs; the file needs more than that."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (20 * SR, 2))
    (tmp_path / "x.flac").write_bytes(by_libsndfile(noise, "FLAC", "PCM_16"))
    command = (
        "import sys\nfrom core.audio import isolated\nfrom core.audio.decoding import read\n"
        "from core.errors import AudioError, CoreError\nfrom pathlib import Path\n"
        "import resource\nisolated.warm()\n"
        "(pid,) = isolated.pids()\n"
        "size = int(open(f'/proc/{pid}/statm').read().split()[0]) * 4096\n"
        "resource.prlimit(pid, resource.RLIMIT_AS, (size, size))\n"
        "try: read(Path(sys.argv[1]))\n"
        "except CoreError as error: print(isinstance(error, AudioError), error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", command, tmp_path / "x.flac"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert run.stdout.startswith("False The decoder has too little memory, because this machine limits it."), run.stdout


def decode_often(source: Source) -> None:
    """Until a second of the processor's time is used up, which is the least that a limit may be."""
    for _ in range(500):
        for _ in blocks(source):
            pass


def test_a_decoder_that_takes_too_long_is_ended(monkeypatch):
    source = inspect(made("m4a", 30.0), "x")
    monkeypatch.setattr(isolated, "CPU_S", -1000.0)
    with pytest.raises(AudioError, match=r"takes too long to decode.*export it as WAV or FLAC"):
        decode_often(source)


def test_a_decoder_that_does_not_answer_is_ended(monkeypatch):
    decode(made("m4a"), "x")
    for pid in isolated.pids():
        os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(isolated, "WAIT_S", 0.2)
    with pytest.raises(AudioError, match="takes too long to decode"):
        decode(made("m4a"), "x")
    isolated.end_all()


def test_a_decoder_that_needs_too_much_memory_makes_a_sentence(monkeypatch):
    isolated.end_all()  # a process that has decoded before may still hold enough memory
    source = inspect(made("flac", 20.0), "x.flac")
    monkeypatch.setattr(isolated, "MEMORY_MB", -1000.0)
    with pytest.raises(AudioError, match=r"x.flac (needs too much memory|made the decoder stop)"):
        list(blocks(source))
    isolated.end_all()


def test_many_threads_share_two_processes():
    expected = decode(made("m4a"), "x").clip.y
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(decode(made("m4a"), "x").clip.y)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(np.array_equal(one, expected) for one in results)
    assert 1 <= len(isolated.pids()) <= isolated.MOST


def test_what_decoders_write_does_not_reach_the_terminal(tmp_path):
    """libmpg123 prints warnings on a header that is wrong; FFmpeg and Python print as well."""
    for name in ("F01_header_says_0_frames.mp3", "F03_joined_6s_and_6s.mp3"):
        (tmp_path / name).write_bytes((Path(__file__).parent.parent / "audio_cases" / name).read_bytes())
    (tmp_path / "half.m4a").write_bytes(made("m4a", 6.0)[:20_000])
    (tmp_path / "bad.mp3").write_bytes(made("mp3", 6.0)[:9000] + bytes(range(256)) * 40 + made("mp3", 6.0)[9000:])
    command = (
        "import sys, pathlib\nfrom core.audio.decoding import read\nfrom core.errors import AudioError\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: read(path)\n    except AudioError: pass\n"
    )
    run = subprocess.run([sys.executable, "-c", command, tmp_path], cwd=ROOT, capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")
