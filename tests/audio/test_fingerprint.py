"""fpcalc gets samples only, with limits, and its answer is checked."""

import os
import resource
import shutil
import stat
import subprocess

import numpy as np
import pytest
from recordings import flac, take
from required import missing

from core.audio import fingerprint as fingerprints
from core.audio import synthetic
from core.audio.decoding import inspect
from core.audio.fingerprint import fingerprint
from core.errors import CoreError


@pytest.fixture(scope="module")
def source():
    return inspect(flac(take(synthetic.DEMOS["happy"])), "kayıt; rm -rf.flac")


def program(folder, text, monkeypatch):
    """A program in the place of fpcalc."""
    path = folder / "fpcalc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_eight_values_a_second(source):
    if shutil.which("fpcalc") is None:
        missing("fpcalc is not installed.")
    found = fingerprint(source)
    assert found.dtype == np.uint32
    assert abs(found.size - source.duration_s / fingerprints.ITEM_S) < 25  # the first value needs about 2.6 s
    assert np.unique(found).size > found.size / 2


def test_a_short_file_has_none():
    assert fingerprint(inspect(flac(np.sin(np.arange(4 * 44_100) / 10)), "short.flac")).size == 0


def test_it_gets_no_name_and_no_environment(source, tmp_path, monkeypatch):
    monkeypatch.setenv("TME_SECRET", "secret")
    program(
        tmp_path,
        f'cat >/dev/null; echo "$@" >{tmp_path}/given; env >>{tmp_path}/given; echo "{{\\"fingerprint\\": [1]}}"',
        monkeypatch,
    )
    assert fingerprint(source).tolist() == [1]
    given = (tmp_path / "given").read_text()
    assert given.startswith("-raw -json -length 120 -format s16le -rate 11025 -channels 1 -\n")
    assert "secret" not in given
    assert "kayıt" not in given


def test_its_memory_and_time_are_limited(source, tmp_path, monkeypatch):
    program(
        tmp_path,
        f"cat >/dev/null; ulimit -v >{tmp_path}/limits; ulimit -t >>{tmp_path}/limits; echo '{{\"fingerprint\": []}}'",
        monkeypatch,
    )
    fingerprint(source)
    assert (tmp_path / "limits").read_text().split() == [
        str(fingerprints.MEMORY_BYTES // 1024),
        str(fingerprints.CPU_S),
    ]


def test_a_program_that_hangs_is_ended(source, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprints, "WAIT_S", 0.2)
    program(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 600", monkeypatch)
    with pytest.raises(CoreError, match="fpcalc needed more than"):
        fingerprint(source)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize("answer", ["nonsense", '{"duration": 3}', '{"fingerprint": ["x"]}', '{"fingerprint": [-1]}'])
def test_an_answer_that_is_none_is_an_error(source, tmp_path, monkeypatch, answer):
    program(tmp_path, f"cat >/dev/null; echo '{answer}'", monkeypatch)
    with pytest.raises(CoreError, match="cannot be read"):
        fingerprint(source)


@pytest.mark.parametrize("end", ["exit 127", "kill -9 $$"])
def test_a_program_that_fails_is_no_file_without_a_fingerprint(source, tmp_path, monkeypatch, end):
    program(tmp_path, f"cat >/dev/null; {end}", monkeypatch)
    with pytest.raises(CoreError, match="ended without an answer"):
        fingerprint(source)


def test_a_stricter_limit_of_the_machine_stays(source, tmp_path, monkeypatch):
    program(tmp_path, f"cat >/dev/null; ulimit -H -t >{tmp_path}/limit; echo '{{\"fingerprint\": []}}'", monkeypatch)
    monkeypatch.setattr(fingerprints, "CPU_S", 10**6)
    started = subprocess.Popen

    def limited(*given, **more):
        process = started(*given, **more)
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (60, 60))
        return process

    monkeypatch.setattr(subprocess, "Popen", limited)
    fingerprint(source)
    assert (tmp_path / "limit").read_text().split() == ["60"]
