"""Build the image without a daemon, and start services in it: with mmdebstrap, buildah, mount and chroot.

A registry of images cannot be reached from every machine, so the base is Debian, made from its packages. It has the
same Python as the official base. A service runs as the image says: its user, its command, its environment; the root is
read-only, /tmp is in memory, and /data is a folder. The network is the machine's.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
REVISION = "0123456789abcdef"
IMAGE, BASE = "localhost/tme-test", "localhost/tme-test-base"
PACKAGES = "python3,python3-venv,ca-certificates"
WAIT_S = 300
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

_ENTER = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t tmpfs tmpfs "$1/tmp"
mount --bind "$2" "$1/data"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -o remount,ro,bind "$1"
root="$1"; user="$3"; place="$4"; shift 4
exec chroot --userspec="$user" "$root" sh -c 'cd "$0"; exec "$@"' "$place" "$@"
"""


def why_not() -> str:
    """Why images cannot be built here, as a sentence; empty where they can."""
    if os.geteuid() != 0:
        return "Images are built only by root here, because a foreign system is unpacked and entered."
    missing = [name for name in ("mmdebstrap", "buildah", "unshare") if shutil.which(name) is None]
    if missing:
        return f"Not installed: {', '.join(missing)} (Debian packages of the same name)."
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "This machine does not let root make a mount namespace."


class Box:
    """The image, built once, and services started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.container = folder, ""
        self.stored = ["--root", str(folder / "images"), "--runroot", str(folder / "run")]
        self.build_s = 0.0

    def buildah(self, *words: str, **more: Any) -> str:
        command = ["buildah", *self.stored, *words]
        done = subprocess.run(command, text=True, capture_output=True, check=False, **more)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    def build(self) -> None:
        """Make the base, and from it the image of deploy/Dockerfile."""
        base = self.folder / "base.tar"
        command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(base)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            pytest.skip(f"Debian's packages cannot be reached from here: {made.stderr[-300:]}")
        started = time.monotonic()
        empty = self.buildah("from", "scratch")
        self.buildah("add", empty, str(base), "/")
        self.buildah("commit", empty, BASE)
        self.buildah("rm", empty)
        base.unlink()
        arguments = [f"PYTHON_IMAGE={BASE}", f"REVISION={REVISION}"]
        given = [word for argument in arguments for word in ("--build-arg", argument)]
        # What reaches the package index here, reaches it in the build.
        own = [CERTIFICATES, *(p for p in ("/etc/pip.conf",) if Path(p).is_file())]
        given += [word for path in own for word in ("--volume", f"{path}:{path}:ro")]
        given += ["--format", "docker", "--isolation", "chroot", "--network", "host"]
        self.buildah("bud", *given, "--file", "deploy/Dockerfile", "--tag", IMAGE, ".", cwd=ROOT)
        self.build_s = time.monotonic() - started
        self.container = self.buildah("from", "--pull-never", IMAGE)
        self.root = Path(self.buildah("mount", self.container))

    @property
    def about(self) -> dict[str, Any]:
        """What the image says about itself, in Docker's words: Config with User, Env, Cmd, Labels, ..."""
        return json.loads(self.buildah("inspect", "--type", "image", IMAGE))["Docker"]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        counted = subprocess.run(["du", "-sb", "-x", str(self.root)], capture_output=True, text=True, check=True)
        return int(counted.stdout.split()[0])

    def start(self, data: Path, command: Sequence[str] = (), **environment: str) -> "Service":
        """Start the image's entry point with a command, by default the image's own."""
        config = self.about["config"]
        os.chown(data, *map(int, config["User"].split(":")))
        words = [*config["Entrypoint"], *(command or config["Cmd"])]
        values = [*config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        place = [str(self.root), str(data), config["User"], config["WorkingDir"]]
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "enter", *place]
        return Service([*enter, "env", "-i", *values, *words])

    def run(self, data: Path, *command: str, **environment: str) -> tuple[int, str]:
        """Exit status and output of a command in the image."""
        service = self.start(data, command, **environment)
        return service.process.wait(WAIT_S), service.output

    def remove(self) -> None:
        """Remove the image and all that was needed for it."""
        if self.container:
            self.buildah("umount", self.container)
            self.buildah("rm", self.container)
        self.buildah("rmi", "--all", "--force")
        shutil.rmtree(self.folder, ignore_errors=True)


class Service:
    """A running command. Its output goes into a file, because a full pipe would stop it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - it lives as long as the command
        self.process = subprocess.Popen(
            command, stdout=self.file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def output(self) -> str:
        self.file.seek(0)
        return self.file.read()

    def end(self) -> int:
        """Ask it to end as an orchestrator does, and wait. Returns its exit status."""
        children = ["ps", "--ppid", str(self.process.pid), "-o", "pid="]
        for pid in subprocess.run(children, capture_output=True, text=True, check=False).stdout.split():
            os.kill(int(pid), signal.SIGTERM)
        try:
            return self.process.wait(WAIT_S)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)


def make_box() -> Box:
    """A box with the built image."""
    box = Box(Path(tempfile.mkdtemp(prefix="tme-image-")))
    try:
        box.build()
    except BaseException:
        box.remove()
        raise
    return box
