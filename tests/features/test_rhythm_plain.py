"""The compiled kernels beside the plain functions, and the attack rules beside a transcription word by word."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from required import missing

from core.features import attack, fluctuation, onsets, tempo
from core.features.frames import bin_frequencies, frame_starts, hamming, hanning
from core.features.kernels import filterbank, rhythm, short_fft
from core.features.kernels.lanes import LANES, load, root, store
from core.features.peaks import find_peaks, find_valleys
from core.schema import SR

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
SHORT = ["irregular_hits_7s", "tremolo_gap_10s", "tone_0p9s", "dc_offset_6s"]


def clip(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0] / 32768


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "family", "hop"),
    [
        ({"length_s": attack.FRAME_S, "hop_ratio": attack.HOP_RATIO}, attack.FAMILY, attack.FAMILY_HOP),
        ({"length_s": fluctuation.FRAME_S, "rate_hz": fluctuation.RATE}, fluctuation.FAMILY, fluctuation.FAMILY_HOP),
    ],
)
def test_starts_of_frames_repeat_exactly_for_an_hour(frames: dict[str, float], family: int, hop: int) -> None:
    starts, length = frame_starts(3600 * SR, SR, **frames)
    assert np.array_equal(starts[family:], starts[:-family] + hop)
    assert length <= short_fft.HELD


# --- kernels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHORT)
def test_fine_attack_curve(name: str) -> None:
    y = clip(GOLDEN / f"{name}.flac")
    starts, length = frame_starts(len(y), SR, length_s=attack.FRAME_S, hop_ratio=attack.HOP_RATIO)
    plain = attack.magnitude_sums(y, starts, length)
    fast, _ = attack.fine_curve(y, SR)
    np.testing.assert_allclose(fast, plain / plain.max(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", SHORT)
def test_band_power(name: str) -> None:
    y = clip(GOLDEN / f"{name}.flac")
    starts, length = frame_starts(len(y), SR, length_s=fluctuation.FRAME_S, rate_hz=fluctuation.RATE)
    f = bin_frequencies(1024, SR)
    weight, edges = fluctuation.outer_ear(f) ** 2, fluctuation.bark_bands(f)
    plain = fluctuation.band_power(y, starts, length, weight=weight, edges=edges)
    fast = rhythm.band_power(
        y,
        len(starts),
        offsets=starts[: fluctuation.FAMILY],
        hop=fluctuation.FAMILY_HOP,
        window=hamming(length),
        weight=weight,
        edges=edges,
    )
    np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-13 * plain.max())


@pytest.mark.parametrize("name", SHORT)
def test_summed_envelope(name: str) -> None:
    y, sections, a = clip(GOLDEN / f"{name}.flac"), tempo.gammatone(SR), float(np.exp(-1 / (0.02 * SR)))
    plain = np.diff(tempo.summed_envelope(y, sections, a))
    fast = np.diff(filterbank.summed_envelope(y, sections, a))
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-11 * np.abs(plain).max())


@pytest.mark.parametrize("n", [4, 5, 15, 16, 17, 31, 32, 33, 100])
def test_summed_envelope_at_the_ends(n: int) -> None:
    """Blocks of sixteen that are full or not, and the odd extension on both sides."""
    y, sections, a = np.random.default_rng(n).normal(0, 1, n), tempo.gammatone(SR), 0.99
    fast = filterbank.summed_envelope(y, sections, a)
    np.testing.assert_allclose(fast, tempo.summed_envelope(y, sections, a), rtol=1e-10)


@pytest.mark.parametrize("n", [4410, 4850, 4851, 9000, 44100])
def test_onset_power_by_parts(n: int) -> None:
    y = np.random.default_rng(n).normal(0, 0.1, n)
    starts, length = frame_starts(n, SR, length_s=0.1, hop_ratio=0.1)
    fast = onsets.power_by_parts(y, len(starts), length)
    np.testing.assert_allclose(fast, onsets.power(y, starts, length), rtol=1e-12)


def test_any_impulse_has_its_spectrum() -> None:
    """A single sample has the same magnitude in all 1025 bins, wherever it stands in the frame."""
    for place in (0, 1, 127, 128, 700, 1322):
        y = np.zeros(1323)
        y[place] = 2.0
        found = rhythm.magnitude_sums(y, 1, offsets=np.array([0]), hop=1323, window=np.ones(1323))
        assert found[0] == pytest.approx(2 * 1025, rel=1e-14)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1323, 40_000))
def test_fine_curve_of_any_length(seed: int, n: int) -> None:
    """Families and groups of eight that are full or not."""
    y = np.random.default_rng(seed).normal(0, 0.1, n)
    starts, length = frame_starts(n, SR, length_s=attack.FRAME_S, hop_ratio=attack.HOP_RATIO)
    fast = rhythm.magnitude_sums(
        y, len(starts), offsets=starts[: attack.FAMILY], hop=attack.FAMILY_HOP, window=hanning(length)
    )
    np.testing.assert_allclose(fast, attack.magnitude_sums(y, starts, length), rtol=1e-12)


@njit
def roots(x: np.ndarray, out: np.ndarray) -> None:
    for row in range(len(x) // LANES):
        store(out, row, root(load(x, row)))


def test_square_root_to_the_last_digits() -> None:
    x = np.concatenate([[0.0, 1.0, 4.0, 1e-300, 1e300, 2.0, 3.0, 0.5], 10.0 ** np.linspace(-300, 300, 4000)])
    out = np.empty_like(x)
    roots(x, out)
    np.testing.assert_allclose(out, np.sqrt(x), rtol=1e-15)


def test_other_sampling_rates_take_the_plain_way() -> None:
    """Tempo and pulse are properties of the sound, not of its sampling rate."""
    y = np.zeros(6 * 16_000)
    y[::8000] = 0.5
    curve = onsets.onset_curve(y, 16_000)
    assert onsets.event_density(curve) == pytest.approx(2, abs=0.2)
    assert tempo.mean_tempo(y, 16_000) == pytest.approx(120, abs=0.1)
    assert attack.attack_time(y, 16_000, curve).mean == pytest.approx(0.013, abs=0.003)
    assert fluctuation.fluctuation_peak_mean(y, 16_000) > 0


# --- the attack rules, transcribed ------------------------------------------------------------------------------------


def transcribed(d: np.ndarray, t: np.ndarray, pp: list[int], stu: list[float]) -> tuple[list[int], list[int]]:
    """Step 6 of the specification's section 10, sentence by sentence, with its own names."""
    pp, stu, ppu = list(pp), list(stu), [float(t[p]) for p in pp]
    st_ = [0] * len(stu)
    i = 0
    while i < len(stu):
        if i == len(ppu):
            st_ = st_[:i]
            break
        j = 0
        while i + j < len(ppu) and ppu[i + j] <= stu[i]:
            j += 1
        if any(p > stu[i] for p in ppu[i + j :]):
            del ppu[i : i + j], pp[i : i + j]
        offsets = [j for j in range(len(stu) - i) if stu[i + j] > ppu[i]]
        if offsets and offsets[0] >= 2:
            del stu[i : i + offsets[0] - 1], st_[i : i + offsets[0] - 1]
        st_[i] = next((k for k in range(len(t)) if t[k] >= stu[i]), len(t))
        exhausted = False
        while True:
            dd = np.diff(d[st_[i] : pp[i] + 1]) if st_[i] < pp[i] else np.empty(0)
            if (dd > 0).any():
                break
            del pp[i], ppu[i]
            if i == len(pp):
                exhausted = True
                break
        if exhausted:
            st_ = st_[:i]
            break
        st_[i] += next(q for q in range(len(dd)) if dd[q] > 0)
        dd = np.diff(d[st_[i] : pp[i] + 1])
        lower = [q for q in range(len(dd)) if dd[q] < 0 and d[st_[i] + q] < d[st_[i]]]
        if lower:
            st_[i] += lower[-1]
        dd = np.diff(d[st_[i] : pp[i] + 1])
        ppi = next(k for k in range(len(t)) if t[k] >= ppu[i])
        for q in range(len(dd)):
            if dd[q] <= 0 and d[st_[i] + q] - d[st_[i]] > (d[ppi] - d[st_[i]]) / 5:
                pp[i] = st_[i] + q
                break
        dd = np.diff(d[st_[i] : pp[i] + 1])
        steepest, md = (max(dd), int(np.argmax(dd))) if len(dd) else (0.0, 0)
        f2 = next((k for k, q in enumerate(range(len(dd) - 1, md, -1), 1) if dd[q] > 0.075 * steepest), 1)
        f1 = next((q + 1 for q in range(min(md, len(dd))) if dd[q] > 0.1 * steepest), 1)
        pp[i] = st_[i] + len(dd) - f2
        st_[i] += f1
        i += 1
    return st_, pp[: len(st_)]


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 120), st.integers(1, 8), st.integers(1, 10), st.booleans())
def test_pairing_follows_the_specification(seed: int, n: int, tops: int, lows: int, smooth: bool) -> None:
    """On curves with plateaus and ties, and peaks and valleys at places where no picker would put them all."""
    rng = np.random.default_rng(seed)
    d = rng.integers(0, 12, n) / 11
    if smooth:
        d = np.convolve(d, [0.25, 0.5, 0.25], mode="same")
    t = np.arange(n) * 0.6
    pp = np.sort(rng.choice(np.arange(1, n), tops, replace=False))
    stu = np.sort(rng.choice(t, lows, replace=False)) + rng.choice([0.0, 0.3])
    onsets_, ends = attack.pair(d, t, pp, stu)
    expected = transcribed(d, t, pp.tolist(), stu.tolist())
    assert (onsets_.tolist(), ends.tolist()) == expected


# --- curves inside the computation, read in place ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def sugarplum() -> tuple[np.ndarray, Path]:
    shared = GOLDEN.parent.parent.parent / "shared" / "reference"
    if not (shared / "intermediate").is_dir():
        missing("The reference recordings are not beside the repository.")
    return clip(shared / "recordings" / "sugarplum_30.flac"), shared / "intermediate"


def curve(folder: Path, name: str) -> np.ndarray:
    return pd.read_csv(folder / f"sugarplum_30_{name}.csv").iloc[:, -1].to_numpy(float)


def test_curves_of_a_recording(sugarplum: tuple[np.ndarray, Path]) -> None:
    y, folder = sugarplum
    coarse = onsets.onset_curve(y, SR)
    fine, fine_s = attack.fine_curve(y, SR)
    np.testing.assert_allclose(coarse.values / coarse.values.max(), curve(folder, "onset_curve"), rtol=1e-9)
    np.testing.assert_allclose(fine[:4000], curve(folder, "attack_fine_curve_first4000"), rtol=1e-9)
    lengths = attack.attack_times(fine, fine_s, coarse)
    reference = np.sort(curve(folder, "attack_end_times")) - np.sort(curve(folder, "attack_onset_times"))
    np.testing.assert_allclose(lengths, reference, atol=1e-9)


# --- the enhancement of the autocorrelation, transcribed --------------------------------------------------------------


def enhanced_word_by_word(c: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Step 6 of the specification's section 11."""
    pk = find_peaks(c, contrast=0.01, begin=False, end=False, local=True)
    va = sorted(find_valleys(c, contrast=0.01, local=True).tolist(), key=lambda k: c[k])  # deepest first
    mv = 0.0
    if len(pk):
        for k in va:
            if c[k] < min(c[pk]):
                mv = c[k]
    y, u = list(c - mv), list(t)
    deter = inter = 0
    if y[1] < y[0]:
        deter = next((q for q in range(len(y) - 1) if y[q + 1] > y[q]), 0)
        y, u = y[deter:], u[deter:]
    if y[1] > y[0]:
        coef = y[1] - y[0]
        while y[0] > 0:
            coef *= 1.1
            y.insert(0, y[0] - coef)
            u.insert(0, u[0] - (t[1] - t[0]))
            inter += 1
        y[0] = 0.0
    for i in range(2, 11):
        b = next((q for q in range(len(u)) if u[q] != 0 and u[q] / i >= u[0]), None)
        if b is None:
            continue
        r = []
        for q in range(len(u)):
            if q < b:
                r.append(0.0)
            elif u[q] / i > u[-1]:
                r.append(np.inf)
            else:
                r.append(max(0.0, float(np.interp(u[q] / i, u, y))))
        y = [max(0.0, value - echo) for value, echo in zip(y, r, strict=True)]
    if deter > inter:
        return np.array([0.0] * (deter - inter) + y)
    return np.array(y[inter - deter :]) + mv


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(3, 90),
    st.integers(1, 12),
    st.floats(-1.2, 1.2),
    st.sampled_from([0.05, 0.3]),
)
def test_enhancement_follows_the_specification(seed: int, n: int, smooth: int, shift: float, first: float) -> None:
    """Beginnings that rise, fall or stay, above and below zero; lags that the extension drives below zero."""
    rng = np.random.default_rng(seed)
    c = np.convolve(rng.normal(0, 1, n + smooth - 1), np.ones(smooth) / smooth, mode="valid") + shift
    t = first + np.arange(n) * 1.2 / n
    np.testing.assert_allclose(tempo.enhanced(c, t), enhanced_word_by_word(c, t), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("plateau", [0.0, 0.4])
def test_a_beginning_that_neither_rises_nor_falls_is_left_alone(plateau: float) -> None:
    c = np.concatenate([[plateau] * 3, 0.5 + 0.5 * np.sin(np.arange(40) / 3)])
    t = 0.3 + np.arange(43) * 0.03
    np.testing.assert_allclose(tempo.enhanced(c, t), enhanced_word_by_word(c, t), rtol=1e-12, atol=1e-12)


def test_only_valleys_in_the_lower_half_part_attacks() -> None:
    """The coarse curve has two valleys of the contrast; only the one below half its range begins an attack."""
    fine_s = np.arange(200) * 0.005
    fine = np.interp(fine_s, [0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 0.995], [0, 0, 1, 0.7, 0.7, 1, 0.1, 1, 0])
    times = np.arange(10) * 0.1
    values = np.array([0.0, 0.5, 1, 0.9, 0.55, 0.9, 1, 0.4, 0.2, 1.0])
    coarse = onsets.OnsetCurve(values, times, 10.0)
    assert len(attack.attack_times(fine, fine_s, coarse)) == 2
    values[4] = 0.49
    assert len(attack.attack_times(fine, fine_s, onsets.OnsetCurve(values, times, 10.0))) == 3
