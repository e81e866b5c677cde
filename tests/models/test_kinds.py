"""What a clip that is unlike the training music sounds like: the rules, and what they must not name."""

import numpy as np
import pytest
from scipy import signal

from core.audio.decoding import Clip, excerpt, inspect, read
from core.features import extract
from core.models.kinds import PHRASES, RULES, TITLES, Kind, counted_kinds, kind_of
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import serving
from core.pipeline.deciding import predict_and_decide
from core.schema import COLUMNS, EMOTIONS, SR, FeatureVector
from core.settings import ROOT, Settings

SECONDS = 30


def vector_of(y: np.ndarray) -> FeatureVector:
    return extract(Clip("clip", np.ascontiguousarray(0.3 * y / np.abs(y).max()), SR))


def coloured_noise(slope: float) -> np.ndarray:
    """Noise whose power falls with frequency ** slope."""
    rng, n = np.random.default_rng(1), SECONDS * SR
    frequency = np.fft.rfftfreq(n, 1 / SR)
    spectrum = rng.normal(size=frequency.size) + 1j * rng.normal(size=frequency.size)
    spectrum[1:] /= frequency[1:] ** (slope / 2)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, n)


def babble(f0: float) -> np.ndarray:
    """Vowels of changing pitch with hisses between them: speech without words."""
    rng, n = np.random.default_rng(int(f0)), SECONDS * SR
    y, at = 1e-4 * rng.normal(size=n), 0.2
    vowels = [(700, 1200, 2500), (300, 2300, 3000), (300, 800, 2300), (500, 1800, 2500)]
    while at < SECONDS - 1:
        size = int(rng.uniform(0.09, 0.28) * SR)
        pitch = f0 * 2 ** (rng.normal(0, 0.12) + np.linspace(0.08, -0.1, size))
        source = signal.sawtooth(2 * np.pi * np.cumsum(pitch) / SR)
        formants = zip(vowels[rng.integers(4)], (1, 0.6, 0.3), (80, 120, 160), strict=True)
        vowel = sum(gain * signal.lfilter(*signal.iirpeak(f, f / width, fs=SR), source) for f, gain, width in formants)
        start = int(at * SR)
        y[start : start + size] += (vowel * np.hanning(size) ** 0.4)[: n - start]
        at += size / SR + rng.exponential(0.06)
    return y


@pytest.mark.parametrize("slope", [0.0, 1.0, 1.5])
def test_noise_is_named(slope):
    assert kind_of(vector_of(coloured_noise(slope))) == Kind.NOISE


@pytest.mark.parametrize("f0", [110.0, 200.0])
def test_speech_is_named(f0):
    assert kind_of(vector_of(babble(f0))) == Kind.SPEECH


def test_real_speech_is_named_and_other_recordings_are_not(shared):
    named = {
        path.stem: kind_of(extract(read(path).clip))
        for path in sorted((shared / "reference" / "recordings").glob("*.flac"))
    }
    assert named.pop("speech") == Kind.SPEECH
    assert set(named.values()) == {Kind.OTHER}


@pytest.mark.parametrize("name", ["goekhan_Kimseye", "guelen_Olmaz", "idil_Sakin"])
def test_a_voice_without_instruments_is_named(name, shared):
    source = inspect((shared / "makam" / "voices" / f"{name}.flac").read_bytes(), name)
    assert kind_of(extract(excerpt(source).clip)) == Kind.VOICE


def test_hardly_any_row_of_the_table_has_a_kind_and_none_that_is_flagged(published):
    served = serving.serve(Settings(mlflow_uri="sqlite:////nowhere/mlflow.db", models_dir=ROOT / "models"))
    rows = published[list(COLUMNS)].to_numpy(dtype=float)
    vectors = [FeatureVector(str(k), "table", row) for k, row in enumerate(rows)]
    kinds = [kind_of(vector) for vector in vectors]
    assert kinds.count(Kind.NOISE) == kinds.count(Kind.SPEECH) == 0
    assert kinds.count(Kind.VOICE) <= 0.02 * len(kinds)
    decided = predict_and_decide(vectors, served, policy=Policy())
    flagged = [one.decision.unlike for one in decided if one.unlike.flag]
    assert 0 < len(flagged) < 0.05 * len(kinds)
    assert set(flagged) == {Kind.OTHER}
    assert {one.decision.unlike for one in decided if not one.unlike.flag} == {""}


def test_a_value_that_could_not_be_measured_names_nothing():
    assert kind_of(FeatureVector("clip", "x", np.full(50, np.nan))) == Kind.OTHER


def test_results_are_counted_by_kind():
    assert counted_kinds(["other"] * 28) == "28 unlike the training music, of no known kind"
    assert counted_kinds(["speech"]) == "1 unlike the training music: 1 speech"
    kinds = ["noise", "other", "one voice", "noise", "other"]
    assert counted_kinds(kinds) == (
        "5 unlike the training music: 2 noise, 1 one voice without instruments, 2 of no known kind"
    )


def test_every_rule_has_words_and_the_decision_says_them():
    assert set(RULES) == set(PHRASES) == set(TITLES) - {Kind.OTHER}
    prediction = Prediction("clip", "model", "x", dict(zip(EMOTIONS, (0.9, 0.1, 0.0, 0.0), strict=True)))
    decision = decide(prediction, Policy(), unlike=["fluctuation is 20 dB"], kind=Kind.VOICE)
    assert (decision.action, decision.unlike) == ("review", "one voice")
    assert "like one voice without instruments; the table hardly has any; fluctuation is 20 dB" in decision.reason
    assert decide(prediction, Policy()).unlike == ""
