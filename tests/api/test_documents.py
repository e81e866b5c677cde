"""The examples of the document run as they are printed, against a server on loopback."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from required import missing

from core.access import Role
from core.api.problems import KINDS

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", TEXT, re.DOTALL)
GENERATOR = Path(sys.prefix) / "client-generator"  # `make` installs it


@pytest.fixture(scope="module")
def folder(tmp_path_factory, wav):
    place = tmp_path_factory.mktemp("client")
    (place / "clip.wav").write_bytes(wav)
    shutil.copy(ROOT / "docs" / "openapi.json", place)
    return place


def test_there_are_examples_for_curl_requests_and_a_generated_client():
    assert [kind for kind, _ in BLOCKS] == ["bash", "bash", "python", "bash", "python"]


@pytest.mark.parametrize("number", range(len(BLOCKS)))  # the generated client is that of the example before it
def test_an_example_runs_as_it_is_printed(number, api, port, folder):
    kind, code = BLOCKS[number]
    if "curl" in code and shutil.which("curl") is None:
        missing("The examples need curl.")
    if "client" in code.replace("music_client", "client") and not GENERATOR.is_dir() and "requests" not in code:
        missing("The generator of clients is not installed: make test installs it.")
    code = code.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("python -m", f"{sys.executable} -m")
    program = ["bash", "-euc", code] if kind == "bash" else [sys.executable, "-c", code]
    environment = os.environ | {
        "KEY": api.key("example", Role.RATER),
        "PYTHONPATH": str(GENERATOR) if "generate" in code else "",
        "no_proxy": "127.0.0.1",
    }
    run = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Unable to parse" not in run.stdout
    if number != 3:
        assert re.search(r"probability|_Tempo_Mean", run.stdout), run.stdout


def test_the_table_of_errors_is_complete():
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", TEXT.split("## Errors", 1)[1], re.MULTILINE)
    listed = {(int(status), name) for status, names in rows for name in re.findall(r"`([\w-]+)`", names)}
    assert listed == {(kind.status, kind.name) for kind in KINDS}


def test_the_table_of_addresses_is_complete(api):
    named = TEXT.split("## Addresses", 1)[1].split("## Errors", 1)[0]
    for address in api.client.get("/openapi.json").json()["paths"]:
        if address.startswith("/v1"):
            assert address.replace("job_id", "id") in named, address
