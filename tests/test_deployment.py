"""The files of deploy/ and .github/ agree with each other and with the program: names, ports, secrets, probes."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_nginx import still_runs

from core.canary import proxy
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
BASE, OVERLAYS = DEPLOY / "kubernetes" / "base", DEPLOY / "kubernetes" / "overlays"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WAIT_S = 60


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def resources(folder: Path) -> list[dict[str, Any]]:
    """All objects of a kustomization, also those of the kustomizations that it uses, with its patches."""
    about = documents(folder / "kustomization.yaml")[0]
    found: list[dict[str, Any]] = []
    for name in about["resources"]:
        found += resources(folder / name) if (folder / name).is_dir() else documents(folder / name)
    for patch in about.get("patches", []):
        (target,) = (o for o in found if (o["kind"], o["metadata"]["name"]) == tuple(patch["target"].values()))
        for change in documents(folder / patch["path"])[0]:
            *way, last = change["path"].strip("/").split("/")
            place: Any = target
            for step in way:
                place = place[int(step)] if isinstance(place, list) else place[step]
            assert last in place  # "replace" needs it
            place[last] = change["value"]
    for made in about.get("configMapGenerator", []):
        found.append({"kind": "ConfigMap", "metadata": {"name": made["name"]}})
    return found


KUSTOMIZATIONS = [BASE, *sorted(OVERLAYS.iterdir())]


@pytest.fixture(params=KUSTOMIZATIONS, ids=lambda path: path.name)
def objects(request) -> dict[tuple[str, str], dict[str, Any]]:
    found = resources(request.param)
    by_name = {(o["kind"], o["metadata"]["name"]): o for o in found}
    assert len(by_name) == len(found)  # no name twice
    return by_name


def of_kind(objects, kind):
    return {name: o for (k, name), o in objects.items() if k == kind}


def test_every_file_of_the_manifests_is_used():
    for folder in KUSTOMIZATIONS:
        about = documents(folder / "kustomization.yaml")[0]
        used = {*about["resources"], *(patch["path"] for patch in about.get("patches", [])), "kustomization.yaml"}
        assert {path.name for path in folder.iterdir()} == {name for name in used if "/" not in name}


def test_each_service_finds_pods_and_a_port_of_theirs(objects):
    deployments = of_kind(objects, "Deployment").values()
    for name, service in of_kind(objects, "Service").items():
        wanted = service["spec"]["selector"].items()
        pods = [
            d["spec"]["template"] for d in deployments if wanted <= d["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert pods, name
        ports = {p["name"] for pod in pods for c in pod["spec"]["containers"] for p in c["ports"]}
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= ports


def test_each_pod_names_things_that_exist_and_runs_without_rights(objects):
    for name, deployment in of_kind(objects, "Deployment").items():
        template = deployment["spec"]["template"]
        pod, labels = template["spec"], template["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert ("ServiceAccount", pod["serviceAccountName"]) in objects
        assert pod["securityContext"]["runAsUser"] == 10001
        volumes = {v["name"]: v for v in pod["volumes"]}
        claims = {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v}
        assert claims <= of_kind(objects, "PersistentVolumeClaim").keys()
        for container in pod["containers"]:
            assert {m["name"] for m in container["volumeMounts"]} == volumes.keys()
            assert {m["mountPath"] for m in container["volumeMounts"]} == {"/data", "/tmp"}
            maps = {e["configMapRef"]["name"] for e in container["envFrom"] if "configMapRef" in e}
            assert maps <= of_kind(objects, "ConfigMap").keys()
            assert {e["secretRef"]["name"] for e in container["envFrom"] if "secretRef" in e} == {"tme"}
            own = container["securityContext"]
            assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert ("livenessProbe" in container) == ("ports" in container), name


def test_the_other_references_of_the_manifests_exist(objects):
    for scaler in of_kind(objects, "HorizontalPodAutoscaler").values():
        target = scaler["spec"]["scaleTargetRef"]
        deployment = objects[target["kind"], target["name"]]
        assert "replicas" not in deployment["spec"]  # the next apply would undo what the autoscaler did
        assert "cpu" in deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
    services = of_kind(objects, "Service")
    for route in of_kind(objects, "HTTPRoute").values():
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                assert backend["port"] in {p["port"] for p in services[backend["name"]]["spec"]["ports"]}
            weights = [backend["weight"] for backend in rule["backendRefs"] if "weight" in backend]
            assert sum(weights) in (0, 100)


def test_only_the_canary_has_a_challenger_and_its_share_is_small():
    shares = {}
    for folder in sorted(OVERLAYS.iterdir()):
        found = {(o["kind"], o["metadata"]["name"]): o for o in resources(folder)}
        backends = found["HTTPRoute", "program"]["spec"]["rules"][0]["backendRefs"]
        shares[folder.name] = {backend["name"]: backend["weight"] for backend in backends}
        assert (("Deployment", "challenger") in found) == ("challenger" in shares[folder.name])
    assert shares == {"production": {"api": 100}, "canary": {"api": 95, "challenger": 5}}


def test_every_bare_image_gets_a_registry_in_its_own_kustomization():
    for folder in KUSTOMIZATIONS:
        about = documents(folder / "kustomization.yaml")[0]
        named = {image["name"] for image in about.get("images", [])}
        files = [folder / name for name in about["resources"] if (folder / name).is_file()]
        own = [o for file in files for o in documents(file) if o["kind"] == "Deployment"]
        images = {c["image"] for o in own for c in o["spec"]["template"]["spec"]["containers"]}
        assert images == named


def settings_named(text: str) -> set[str]:
    return set(re.findall(r"TME_[A-Z_]+", text))


def test_settings_in_the_files_exist():
    known = {f"TME_{name.upper()}" for name in Settings.model_fields}
    for path in [*DEPLOY.rglob("*"), *WORKFLOWS]:
        if path.is_file() and path.suffix != ".pyc":
            assert settings_named(path.read_text("utf-8")) <= known, path


def test_services_of_compose_name_one_another_rightly():
    services = COMPOSE["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= services.keys(), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), volume
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        tag = service["image"].rpartition(":")[2]
        assert tag not in ("latest", service["image"])
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    hosts = set(re.findall(r"(?:tcp|http|postgresql\+psycopg)://(?:[^@/\s]*@)?([a-z0-9]+):\d+", text)) - {"127"}
    assert hosts <= services.keys()
    targets = re.findall(r'"([a-z0-9]+):\d+"', (DEPLOY / "compose" / "prometheus.yml").read_text("utf-8"))
    assert set(targets) - {"localhost"} <= services.keys()


def test_compose_opens_ports_only_to_this_machine_and_asks_for_every_password():
    for name, service in COMPOSE["services"].items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    asked = set(re.findall(r"\$\{([A-Z0-9_]+):\?", text))
    empty = re.findall(r"^([A-Z0-9_]+)=$", (DEPLOY / "compose" / "example.env").read_text("utf-8"), re.MULTILINE)
    assert asked == set(empty)


def test_commands_of_containers_are_commands_of_the_program():
    from typer.testing import CliRunner

    from core.__main__ import app

    words = [
        s["command"] for s in COMPOSE["services"].values() if s.get("command", [""])[:3] == ["python", "-m", "core"]
    ]
    for folder in KUSTOMIZATIONS:
        pods = [o["spec"]["template"]["spec"] for o in resources(folder) if o["kind"] == "Deployment"]
        words += [c["args"] for pod in pods for c in pod["containers"] if c["args"][0] == "python"]
    assert len(words) > 5
    for command in words:
        result = CliRunner().invoke(app, [*itertools.takewhile(lambda w: not w.startswith("-"), command[3:]), "--help"])
        assert result.exit_code == 0
        options = {word for word in command[3:] if word.startswith("--")}
        shown = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
        assert [option for option in options if option not in shown] == []


def test_the_first_division_is_the_one_that_the_program_writes(tmp_path):
    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    first = (DEPLOY / "api" / "first_split.conf").read_text("utf-8")
    assert lines(first) == lines(proxy.split_text(None, Settings(data_dir=tmp_path)))


def test_the_proxy_of_compose_reads_a_new_division_and_ends_when_it_is_asked(tmp_path):
    """The script with an nginx that only writes down how it was called."""
    calls, split = tmp_path / "calls", tmp_path / "canary" / "split.conf"
    fake = tmp_path / "bin" / "nginx"
    fake.parent.mkdir()
    fake.write_text(
        f"#!{sys.executable}\nimport signal, sys\n"
        f"def note(text): print(text, file=open({str(calls)!r}, 'a'), flush=True)\n"
        "signal.signal(signal.SIGQUIT, lambda *_: (note('quit'), sys.exit()))\n"
        "note(' '.join(sys.argv[1:]))\n"
        "if sys.argv[1] == '-g': signal.pause()\n"
    )
    fake.chmod(0o755)
    script = (DEPLOY / "compose" / "reload.sh").read_text("utf-8")
    script = script.replace("/data/canary", str(split.parent)).replace("/etc/nginx/api", str(DEPLOY / "api"))
    script = script.replace("chown -R 10001:10001", "true").replace("sleep 2", "sleep 0.1")
    path = f"{fake.parent}:{os.environ['PATH']}"
    process = subprocess.Popen(["sh", "-c", script], env={"PATH": path}, start_new_session=True)
    try:
        wait_for(process, lambda: calls.exists() and split.exists())
        assert "server api:8000;" in split.read_text()
        split.write_text("another division")
        wait_for(process, lambda: "-s reload" in calls.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert calls.read_text().splitlines() == ["-g daemon off;", "-t -q", "-s reload", "quit"]


def wait_for(process, what) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert still_runs(process)
        assert time.monotonic() < end


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_ask_for_no_more_than_they_need(path):
    workflow = documents(path)[0]
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "permissions" in job
        for step in job.get("steps", []):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step.get("uses", f"a/b@{'0' * 40}"))
            assert "${{ inputs" not in step.get("run", "")  # text of a person is never part of a script


def test_a_deployment_waits_for_a_person():
    jobs = documents(ROOT / ".github" / "workflows" / "deploy.yml")[0]["jobs"]
    assert jobs["production"]["environment"] == "production"
    assert jobs["production"]["needs"] == "canary"
    assert set(jobs["back"]["needs"]) == {"canary", "production"}


def test_make_targets_of_the_workflows_and_of_ci_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    texts = [path.read_text("utf-8") for path in [*WORKFLOWS, ROOT / ".ci" / "run"]]
    named = {name for text in texts for name in re.findall(r"^\s*(?:run: )?make ([a-z-]+)", text, re.MULTILINE)}
    assert named == {"check"}
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in named)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_of_the_image_reads_the_status(status, code):
    import http.server
    import threading

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/live"
    script = [sys.executable, str(DEPLOY / "container" / "healthy.py")]
    assert subprocess.run(script, env={"HEALTH_URL": url}, capture_output=True).returncode == code
    server.server_close()
