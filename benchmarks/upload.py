"""Time from an upload's bytes to the decision and its explanation, for recordings as WAV and as MP3.

    python -m benchmarks.upload [--rounds 3] [FOLDER]

FOLDER : FLAC recordings; default ``../shared/reference/recordings`` beside the repository, else the golden clips.
Each file is scored as on the Predict page, into an empty database; files are new to the cache in the first round, and
known in the others. Wall-clock seconds; run it on a quiet machine.
"""

import argparse
import io
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import soundfile

from core.audio.decoding import decode
from core.features import extract
from core.models.prediction import predict
from core.models.reference import check_outlier
from core.pipeline import scoring, serving
from core.settings import ROOT, Settings
from core.store import open_store

FOLDERS = (ROOT.parent / "shared" / "reference" / "recordings", ROOT / "tests" / "golden")
LEVEL = {
    "WAV": {"subtype": "PCM_16"},
    "MP3": {"bitrate_mode": "CONSTANT", "compression_level": 0.6},
}  # about 128 kbit/s


def encoded(path: Path, form: str) -> bytes:
    """The recording in another format, as a person would upload it."""
    y, sr = soundfile.read(path, always_2d=True)
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format=form, **LEVEL[form])
    return buffer.getvalue()


def timed(work) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def steps(data: bytes, served: serving.Served) -> dict[str, float]:
    """Seconds of each step, one after the other, without storing."""
    decode_s, recording = timed(lambda: decode(data, "clip"))
    features_s, vector = timed(lambda: extract(recording.clip))
    predict_s, _ = timed(lambda: (predict(served.model, [vector]), check_outlier(vector, served.reference)))
    return {"decode": decode_s, "features": features_s, "predict, compare, decide": predict_s}


def whole(data: bytes, served: serving.Served, store) -> dict[str, float]:
    """Seconds to the stored decision, and to the explanation after it."""
    decision_s, scored = timed(
        lambda: scoring.score_clip(data, "clip", served, policy=served.policies["threshold"], store=store)
    )
    explain_s, _ = timed(lambda: scoring.explain(scored, served))
    return {"to the stored decision": decision_s, "explanation": explain_s, "all": decision_s + explain_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=next(f for f in FOLDERS if f.is_dir()))
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    load_s, served = timed(lambda: serving.serve(Settings()))
    warm_s, _ = timed(lambda: serving.warm_up(served))
    files = sorted(chosen.folder.glob("*.flac"))
    lines = []
    for form in LEVEL:
        for path in files:
            data = encoded(path, form)
            for k in range(chosen.rounds):
                with tempfile.TemporaryDirectory() as folder:
                    store = open_store(f"sqlite:///{folder}/feedback.db")
                    new, again = whole(data, served, store), whole(data, served, store)
                    store.engine.dispose()
                lines.append({"format": form, "file": path.stem, "round": k, **steps(data, served), **new})
                lines[-1]["seen before"] = again["to the stored decision"]
    table = pd.DataFrame(lines).drop(columns="round")
    print(f"{len(files)} recordings from {chosen.folder.name}, {chosen.rounds} rounds; model {served.model.version}")
    print(f"loading the model {load_s:.2f} s, warming up {warm_s:.2f} s (both once a server, before the first clip)\n")
    numbers = [c for c in table.columns if c not in ("format", "file")]
    by = table.groupby("format")[numbers]
    shown = pd.concat({"median": by.median().T, "p95": by.quantile(0.95).T}, axis=1).swaplevel(axis=1)
    print(shown[[(f, s) for f in LEVEL for s in ("median", "p95")]].map(lambda v: f"{v:.3f}").to_string())
    print(f"\np95 of all uploads, bytes to explanation: {np.quantile(table['all'], 0.95):.2f} s")


if __name__ == "__main__":
    main()
