"""Label Studio itself, started in a folder of its own and driven through its API as people drive its pages."""

import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

FORMATS = {"JSON": "json", "JSON_MIN": "min.json", "CSV": "csv", "TSV": "tsv"}
_OWNER, _PASSWORD, _TOKEN = "ece@example.org", "Ece-labels-9", "0123456789abcdef0123456789abcdef01234567"


def program():
    """The path of Label Studio: TME_LABEL_STUDIO, else what is installed; None where neither is there."""
    return shutil.which(os.environ.get("TME_LABEL_STUDIO") or "label-studio")


class Studio:
    """A running Label Studio. tokens : account (e-mail address) to the key that its calls carry."""

    def __init__(self, folder: Path, *, wait_s: float = 600) -> None:
        """folder : where it is started; a folder ``label-studio-data`` in it is served."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.tokens = {_OWNER: _TOKEN}
        data = folder / "studio"
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            "LABEL_STUDIO_USERNAME": _OWNER,
            "LABEL_STUDIO_PASSWORD": _PASSWORD,
            "LABEL_STUDIO_USER_TOKEN": _TOKEN,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_BASE_DATA_DIR": str(data),
            "COLLECT_ANALYTICS": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LATEST_VERSION_CHECK": "false",
        }
        words = [program(), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
        self.process = subprocess.Popen(
            [*words, "--data-dir", str(data)],
            cwd=folder,
            env=own,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.lines, ready = [], threading.Event()
        threading.Thread(target=self._listen, args=(ready,), daemon=True).start()
        if not ready.wait(wait_s) or self.process.poll() is not None:
            self.stop()
            raise RuntimeError("Label Studio did not start:\n" + "".join(self.lines[-40:]))

    def _listen(self, ready: threading.Event) -> None:
        for line in self.process.stdout:
            self.lines.append(line)
            if "Quit the server" in line:
                ready.set()
        ready.set()  # it has ended

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)

    def call(self, path, body=None, *, who=_OWNER, method=None, files=None):
        """What the API answers, as bytes. files : names and contents to upload."""
        headers = {"Authorization": f"Token {self.tokens[who]}"}
        data = None
        if files is not None:
            mark = uuid.uuid4().hex
            head = '--{}\r\nContent-Disposition: form-data; name="{}"; filename="{}"\r\n\r\n'
            named = enumerate(files.items())  # of parts with one name only the last is taken
            parts = [head.format(mark, k, name).encode() + content + b"\r\n" for k, (name, content) in named]
            data = b"".join(parts) + f"--{mark}--\r\n".encode()
            headers["Content-Type"] = f"multipart/form-data; boundary={mark}"
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:500]}") from error

    def ask(self, path, body=None, **more):
        return json.loads(self.call(path, body, **more))

    def sign_up(self, email: str) -> int:
        """A second account, by the invitation that its owner sends; returns its number."""
        page = self.url + self.ask("/api/invite")["invite_url"]
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        browser = urllib.request.build_opener(cookies)
        csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.open(page).read().decode()).group(1)
        form = {"csrfmiddlewaretoken": csrf, "email": email, "password": _PASSWORD, "allow_newsletters": "false"}
        browser.open(urllib.request.Request(page, urllib.parse.urlencode(form).encode(), {"Referer": page}))
        self.tokens[email] = json.loads(browser.open(f"{self.url}/api/current-user/token").read())["token"]
        return self.ask("/api/current-user/whoami", who=email)["id"]

    def project(self, interface: str) -> int:
        return self.ask("/api/projects", {"title": "Emotions", "label_config": interface})["id"]

    def sync(self, project: int, folder: Path) -> None:
        """Add a storage for local files with the import method Tasks, and sync it."""
        given = {"project": project, "path": str(folder), "use_blob_urls": False}
        storage = self.ask("/api/storages/localfiles", given)["id"]
        done = self.ask(f"/api/storages/localfiles/{storage}/sync", {})
        assert done["status"] == "completed", done

    def tasks(self, project: int):
        return self.ask(f"/api/tasks?project={project}&fields=all&page_size=100")["tasks"]

    def annotate(self, task: int, who: str, *parts, **more) -> int:
        body = {"result": list(parts), "lead_time": 4.2, **more}
        return self.ask(f"/api/tasks/{task}/annotations/", body, who=who)["id"]

    def export(self, project: int, form: str) -> bytes:
        return self.call(f"/api/projects/{project}/export?exportType={form}&download_all_tasks=true")
