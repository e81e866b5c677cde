"""The image of deploy/Dockerfile, built without a daemon, and services started in it as it says."""

import json
import time
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.error import URLError

import image_box as boxes
import pytest
from image_box import WAIT_S, Box, Service
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from real_nginx import answers, free_port, still_runs

pytestmark = [pytest.mark.container, pytest.mark.xdist_group("container")]
CLIP = boxes.ROOT / "tests" / "golden" / "hicaz_taksim.flac"


@pytest.fixture(scope="module")
def box(request) -> Iterator[Box]:
    if "container" not in request.config.option.markexpr:
        pytest.skip("The image is built only when it is asked for, because that takes minutes: make test-image")
    why = boxes.why_not()
    if why:  # also in CI: the right to do this is the machine's, not the program's
        pytest.skip(why)
    made = boxes.make_box()
    yield made
    made.remove()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def ask(url: str, body: bytes | None = None) -> dict:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "audio/flac"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def wait_until_ready(url: str, service: Service) -> None:
    stop = time.monotonic() + WAIT_S
    while True:
        try:
            ask(f"{url}/ready")
            return
        except (URLError, ConnectionError):
            assert still_runs(service.process), service.output
            assert time.monotonic() < stop, service.output


def test_the_image_says_who_it_is_and_how_to_ask_it(box):
    config = box.about["config"]
    assert config["User"] == "10001:10001"
    assert list(config["Volumes"]) == ["/data"]
    assert config["Labels"]["org.opencontainers.image.revision"] == boxes.REVISION
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "deploy/container/healthy.py"]


def test_a_service_can_write_only_its_data_and_tmp(box, data):
    words = 'id -u; for f in /app/x /opt/venv/x /etc/x /x /data/x /tmp/x; do touch "$f" 2>/dev/null && echo "$f"; done'
    status, output = box.run(data, "sh", "-c", f"{words}; true")
    assert (status, output.split()) == (0, ["10001", "/data/x", "/tmp/x"])
    assert (data / "x").stat().st_uid == 10001


def test_only_the_program_is_in_the_image(box):
    here = {path.name for path in (box.root / "app").iterdir()} - {"__pycache__"}
    assert here == {
        *(
            "LICENSE",
            "NOTICE",
            "app.py",
            "core",
            "deploy",
            "models",
            "pages",
            "requirements.lock",
            "requirements.txt",
            ".streamlit",
        )
    }
    assert not list((box.root / "opt" / "venv").rglob("pip"))
    assert [p.name for p in (box.root / "app" / ".streamlit").iterdir()] == ["config.toml"]  # and no secrets


def test_the_image_carries_the_list_of_its_packages(box):
    known = json.loads((box.root / "opt" / "venv" / "sbom.cdx.json").read_text(encoding="utf-8"))
    names = {canonicalize_name(part["name"]) for part in known["components"]}
    assert known["bomFormat"] == "CycloneDX"
    assert {"numpy", "fastapi", "streamlit", "mlflow", "psycopg"} <= names
    assert all(part["version"] for part in known["components"])
    site = next(box.root.glob("opt/venv/lib/python3*/site-packages"))
    assert {canonicalize_name(d.metadata["Name"]) for d in metadata.distributions(path=[str(site)])} == names


def test_the_api_starts_with_compiled_kernels_and_answers_a_clip(box, data, record_testsuite_property):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.monotonic()
    command = ["python", "-m", "core", "serve", "--host", "127.0.0.1", "--port", str(port)]
    service = box.start(data, command, HEALTH_URL=f"{url}/live")
    try:
        wait_until_ready(url, service)
        ready_s = time.monotonic() - started
        answer = ask(f"{url}/v1/clips", CLIP.read_bytes())
    finally:
        status = service.end()
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert status == 0, service.output  # it was asked to end, and ended in order
    print(f"image: {box.size / 1e6:.0f} MB, built in {box.build_s:.0f} s; ready after {ready_s:.1f} s")
    record_testsuite_property("image_mb", round(box.size / 1e6))


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("python -m core serve --with-dashboard --no-api --host 127.0.0.1 --port {port}", "/_stcore/health"),
        ("mlflow server --port {port} --workers 1 --backend-store-uri sqlite:////data/mlflow.db", "/health"),
        ("dask scheduler --host 127.0.0.1 --port {port} --no-dashboard", None),
    ],
    ids=["dashboard", "mlflow", "scheduler"],
)
def test_the_other_services_of_compose_start_in_the_image(box, data, command, path):
    port = free_port()
    service = box.start(data, command.format(port=port).split())
    try:
        stop = time.monotonic() + WAIT_S
        while not answers(port):
            assert still_runs(service.process), service.output
            assert time.monotonic() < stop, service.output
        if path:
            url = f"http://127.0.0.1:{port}{path}"
            while box.run(data, "python", "deploy/container/healthy.py", HEALTH_URL=url) != (0, ""):
                assert time.monotonic() < stop, service.output
    finally:
        service.end()


def test_the_kernels_of_the_image_are_used_as_they_are(box, data):
    """Warm once more inside: numba would write what it compiles into the copy of the cache."""
    files = "find . -type f | sort"
    words = f"python -m core warm && cd /tmp/kernels && {files} && echo -- && cd /opt/kernels && {files}"
    status, output = box.run(data, "sh", "-c", words)
    assert status == 0, output
    used, _, made = output.partition("--\n")
    assert used == made
    assert used.count(".nbc") > 10


def test_the_health_check_says_no_where_nothing_answers(box, data):
    status, output = box.run(
        data, "python", "deploy/container/healthy.py", HEALTH_URL=f"http://127.0.0.1:{free_port()}/live"
    )
    assert status == 1
    assert "does not answer" in output


def test_without_a_key_the_image_refuses_to_serve_others_and_says_what_to_do(box, data):
    status, output = box.run(data)  # the image's own command
    assert status == 2
    assert "python -m core keys add NAME" in output


def test_the_packages_are_those_of_the_requirements(box):
    """The versions in the image are inside the ranges that are tested here."""
    lines = (boxes.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    site = next(box.root.glob("opt/venv/lib/python3*/site-packages"))
    versions = {canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions(path=[str(site)])}
    assert [str(r) for r in asked if versions.get(canonicalize_name(r.name), "") not in r.specifier] == []
