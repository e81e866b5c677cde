"""Measure the agreement of the 50 features with MIRtoolbox, and how much codecs change them.

    python -m benchmarks.fidelity REFERENCE_FOLDER > docs/features.md

REFERENCE_FOLDER holds folders of clips (``made``, ``short``, ``recordings``), each with a CSV of the same name that has
MIRtoolbox's values; ``tests/golden`` alone has the committed ones. Codec effects are measured on the recordings, or on
the golden clips where there are none, in standard deviations of the published table (of the stand-in where the table is
not at hand).
"""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr

from core.audio.decoding import decode
from core.dataset import loading
from core.features import EXTRACTOR, extract, missing
from core.schema import COLUMNS, FEATURES, SR
from core.settings import Settings


def reference(folder: Path) -> list[tuple[Path, np.ndarray]]:
    """Clips with MIRtoolbox's 50 values."""
    found = []
    for table in sorted(folder.glob("*.csv")):
        for row in pd.read_csv(table).itertuples(index=False):
            at = [p for p in (folder / table.stem / f"{row.clip}.flac", folder / f"{row.clip}.flac") if p.is_file()]
            if at:
                values = pd.Series(row, index=pd.read_csv(table, nrows=0).columns)[list(COLUMNS)]
                found.append((at[0], values.to_numpy(dtype=float)))
    return found


def features(data: bytes) -> np.ndarray:
    return extract(decode(data, "clip").clip).values


def encoded(y: np.ndarray, form: str, sr: int = SR, **kwargs: object) -> bytes:
    """The samples through a file of another kind; y : mono at 44.1 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, soxr.resample(y, SR, sr, quality="VHQ") if sr != SR else y, sr, format=form, **kwargs)
    return buffer.getvalue()


CODECS = {
    "48 kHz": lambda y: encoded(y, "WAV", 48_000, subtype="PCM_16"),
    "22.05 kHz": lambda y: encoded(y, "WAV", 22_050, subtype="PCM_16"),
    # libsndfile maps the compression level 0..1 to 320..32 kbit/s: 128 kbit/s is two thirds of the way
    "MP3 128": lambda y: encoded(y, "MP3", bitrate_mode="CONSTANT", compression_level=2 / 3),
    "OGG": lambda y: encoded(y, "OGG", subtype="VORBIS"),
}


def codec_effects(clips: list[Path], sd: np.ndarray) -> dict[str, np.ndarray]:
    """For each codec the change of each feature in standard deviations, shape (clips, 50)."""
    effects: dict[str, list[np.ndarray]] = {name: [] for name in CODECS}
    for path in clips:
        y = decode(path.read_bytes(), path.name).clip.y
        plain = features(encoded(y, "WAV", subtype="PCM_16"))
        for name, through in CODECS.items():
            effects[name].append(np.abs(features(through(y)) - plain) / sd)
    return {name: np.array(rows) for name, rows in effects.items()}


def main() -> None:
    known = reference(Path(sys.argv[1]))
    ours = np.array([features(path.read_bytes()) for path, _ in known])
    theirs = np.array([values for _, values in known])
    assert (np.isnan(ours) == np.isnan(theirs)).all(), "NaN stands in different places"
    error = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-3)
    table = loading.load_table(Settings(), allow_download=False)
    sd = table.frame[list(COLUMNS)].std().to_numpy()
    recordings = [path for path, _ in known if path.parent.name == "recordings"] or [path for path, _ in known]
    effects = codec_effects(recordings, sd)
    print(
        f"""# The features: agreement with MIRtoolbox, and changes by codecs

Written by `python -m benchmarks.fidelity`; extractor `{EXTRACTOR}`.

## Agreement with MIRtoolbox 1.7.1

Largest of |ours - MIRtoolbox| / max(|MIRtoolbox|, 0.001) over {len(known)} clips:
**{np.nanmax(error):.1e}**. The program gives NaN for the same values as MIRtoolbox. The last column of the
table below is the largest error on any clip.

## Values that cannot be measured

Some values cannot be measured in some clips; MIRtoolbox gives NaN for them too. A remark on Predict and on the Library
page names them, the cells stay empty, and the model uses the median of its training clips instead.

{missing.markdown_table()}

## Changes by codecs

Change of each feature when the same {len(recordings)} clips are converted to 48 kHz or 22.05 kHz WAV,
MP3 at 128 kbit/s, or OGG Vorbis (quality 0.4, libsndfile's default), in standard deviations of the
{"synthetic stand-in" if table.synthetic else "published table"}: median over the clips, and the worst clip in brackets.
Changes below 0.1 hardly affect a prediction. If many features change by more, use a lossless file. The large numbers in
brackets come from a recording with two seconds of digital silence. Any conversion fills the silence with faint noise,
which crosses zero as often as music does and raises the lowest bins of the spectrum.

| feature | {" | ".join(CODECS)} | agreement |
|---|{"---|" * len(CODECS)}---|"""
    )
    for i, feature in enumerate(FEATURES):
        cells = [f"{np.nanmedian(e[:, i]):.2f} ({np.nanmax(e[:, i]):.2f})" for e in effects.values()]
        print(f"| {feature.name} | {' | '.join(cells)} | {np.nanmax(error[:, i]):.0e} |")


if __name__ == "__main__":
    main()
