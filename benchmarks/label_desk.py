"""Time from an answer on the Label page to the sound of the next clip, in a real Chromium.

    python -m benchmarks.label_desk [--answers 20] [--clips 200]

A server of its own with an empty data folder gets clips of 30 s (filtered noise, stored as large as music). The browser
answers with a key after each 1.5 s of sound. Measured in the browser, in ms: from the key press to the event
``playing`` of the next clip, and until its position moves. Wall-clock time; run it on a quiet machine. The load of the
machine is printed too.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from core import store
from core.audio.decoding import Clip, content_hash
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import kept_audio
from core.schema import EMOTIONS, SR
from core.settings import ROOT, Settings

SECONDS = 30
LISTEN_MS = 1500  # longer than `core.labelling.desk.TOO_FAST_S`
START_S = 60
QUIET = ("--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-background-networking", "--no-first-run")
PRESS = """async () => {
  const sound = () => document.querySelector('.st-key-player audio');
  const before = sound().currentSrc;
  const start = performance.now();
  const next = (event) => new Promise((done) => document.addEventListener(event, function hear(e) {
    if (e.target !== sound() || e.target.currentSrc === before || e.target.paused) return;
    if (event === 'timeupdate' && e.target.currentTime === 0) return;
    document.removeEventListener(event, hear, true);
    done(performance.now() - start);
  }, true));
  const both = Promise.all([next('playing'), next('timeupdate')]);
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '4', code: 'Digit4', bubbles: true}));
  document.body.dispatchEvent(new KeyboardEvent('keyup', {key: '4', code: 'Digit4', bubbles: true}));
  return both;
}"""


def fill(data_dir: Path, clips: int) -> None:
    """Put clips into the queue of an empty store."""
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    rng = np.random.default_rng(1)
    for number in range(clips):
        y = np.convolve(rng.uniform(-0.4, 0.4, SECONDS * SR), np.ones(4) / 4, mode="same")
        clip = Clip(content_hash(y.tobytes()), y, SR)
        path = kept_audio.keep_audio(clip, Settings(data_dir=data_dir).clips_dir)
        store.add_clip(opened, clip.clip_id, file_name=f"{number}.wav", duration_s=SECONDS, sr=SR, path=path)
        said = Prediction(clip.clip_id, "test", "x 1", dict.fromkeys(EMOTIONS, 0.25))
        store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())
    store.close_store(opened)


def serve(data_dir: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server, and wait until it answers. Returns its process and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TME_")} | {"TME_DATA_DIR": str(data_dir)}
    options = ("--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1")
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return process, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.2)
    process.terminate()
    raise SystemExit("The server did not start.")


def measure(address: str, answers: int) -> np.ndarray:
    """Answer clip after clip. Returns ms to ``playing`` and to the first sound, shape (answers, 2)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        browser = started.chromium.launch(executable_path=chromium, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(f"{address}/label")
        page.get_by_role("textbox", name="Your name").fill("Benchmark")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="● sad").wait_for()
        page.wait_for_function("document.querySelector('.st-key-player audio').currentTime > 0")
        times = []
        for _ in range(answers):
            page.wait_for_timeout(LISTEN_MS)
            times.append(page.evaluate(PRESS))
        browser.close()
    return np.array(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=20)
    parser.add_argument("--clips", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tme-desk-") as folder:
        fill(Path(folder), given.clips)
        process, address = serve(Path(folder))
        try:
            times = measure(address, given.answers)
        finally:
            process.terminate()
            process.wait(timeout=20)
    print(f"{given.answers} answers, {given.clips} clips of {SECONDS} s, load of the machine {os.getloadavg()[0]:.1f}")
    for name, values in zip(("key to playing", "key to first sound"), times.T, strict=True):
        low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
        print(f"{name:20} median {middle:.0f} ms, 10 % {low:.0f}, 90 % {high:.0f}, longest {values.max():.0f}")


if __name__ == "__main__":
    main()
