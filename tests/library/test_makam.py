"""Karar and makam of a library: measured once, corrected by a person, and one bad file costs only itself."""

import libraries
import numpy as np
import pytest
import soundfile

from core import store
from core.library.makam import measure_makams
from core.makam.synthesis import Score, render
from core.makam.templates import shipped_templates


@pytest.fixture
def batch(tmp_path):
    """Two short melodies, a text, and a silence."""
    for name, hz in (("a.flac", 220.0), ("b.flac", 196.0)):
        score = Score("Rast", hz, (0.0, 9.0, 17.0, 22.0, 9.0, 0.0), (0.8, 0.8, 0.8, 0.8, 0.8, 1.6))
        soundfile.write(tmp_path / name, render(score, "blown", sr=22050), 22050)
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 8000)
    return [(libraries.found(tmp_path / name), name[0]) for name in ("a.flac", "b.flac", "text.wav", "silence.wav")]


def test_files_are_measured_once_and_a_correction_wins(opened, batch, monkeypatch):
    libraries.settle(monkeypatch)
    store.correct_karar(opened, "b", 392.0)
    given = {"templates": shipped_templates(), "max_mb": 10}
    counted = []
    assert measure_makams(opened, [batch], **given, beat=counted.append) == 3
    assert counted == [1, 2, 3]
    assert measure_makams(opened, [batch], **given) == 0
    table = store.makam_table(opened, ["a", "b", "s", "t"])
    assert table.index.tolist() == ["a", "b", "s"]
    assert abs(1200 * np.log2(table.loc["a", "karar_hz"] / 220)) % 1200 < 12
    assert table.loc["b", ["karar_hz", "karar_from"]].tolist() == [392.0, "person"]
    assert np.isnan(table.loc["s", "karar_hz"])
    assert set(table["makam_kind"]) == {"not enough"}
