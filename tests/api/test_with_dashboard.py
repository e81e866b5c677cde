"""One server for the dashboard and the API: ``python -m core serve --with-dashboard``."""

import os
import socket
import time

import forked
import libraries
import pytest
import requests

START_S = 240

pytestmark = pytest.mark.xdist_group("forked")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"TME_DATA_DIR": str(folder), "TME_DOWNLOAD_URL": "http://127.0.0.1:9/none.zip", "TME_WARM_UP": "false"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TME_")} | own
    words = ["-m", "core", "serve", "--with-dashboard", "--port", port]
    process = forked.Command(words, env=environment, output=folder / "log")
    end = time.monotonic() + START_S
    try:
        while True:
            try:
                if requests.get(f"http://127.0.0.1:{port}/api/ready", timeout=20).status_code == 200:
                    break
            except requests.ConnectionError:
                pass
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.05)  # looks again
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def test_one_server_answers_both(address):
    assert requests.get(f"{address}/_stcore/health", timeout=20).text == "ok"
    assert "<title>" in requests.get(address, timeout=20).text
    answer = requests.post(f"{address}/api/v1/clips", data=libraries.tiny(3, seconds=3), timeout=60)
    assert answer.status_code == 200, answer.text
    clip = answer.json()["clip_id"]
    assert requests.get(f"{address}/api/v1/clips/{clip}", timeout=20).json()["clip_id"] == clip
    problem = requests.get(f"{address}/api/v1/nothing", timeout=20)
    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
    through_a_proxy = requests.get(f"{address}/api/v2", headers={"X-Forwarded-For": "10.0.0.1"}, timeout=20)
    assert through_a_proxy.status_code == 401
    assert requests.get(f"{address}/api/openapi.json", timeout=20).json()["info"]["title"]


def test_a_job_over_files_runs_to_its_results(address):
    files = [("files", (f"{k}.wav", libraries.tiny(k))) for k in range(2)]
    started = requests.post(f"{address}/api/v1/jobs", files=files, timeout=60)
    assert started.status_code == 202, started.text
    place = address + started.headers["Location"]
    end = time.monotonic() + START_S
    while (job := requests.get(place, timeout=20).json())["state"] == "running":
        assert time.monotonic() < end, job
        time.sleep(0.05)  # looks again
    assert (job["state"], job["found"], job["scored"]) == ("done", 2, 2), job
    rows = requests.get(address + job["results"], timeout=20).json()["rows"]
    assert [row["state"] for row in rows] == ["scored", "scored"]
    pieces = requests.get(f"{address}/api/v1/pieces", timeout=60).json()
    assert pieces["total"] == 2
