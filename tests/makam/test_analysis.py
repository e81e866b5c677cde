"""What is stored and listed of a recording: profiles that follow a corrected karar, drift, and columns."""

import json

import numpy as np
import pandas as pd
import pytest

from core.makam.analysis import analyse, profile_from_json, profile_to_json
from core.makam.columns import COMMA_FEATURES, MAKAM_COLUMNS, NUMBERS, TEXTS, makam_columns
from core.makam.drone import drone, with_drone
from core.makam.melody import Melody
from core.makam.synthesis import Score, true_melody
from core.makam.templates import shipped_templates
from core.schema import SR

COMMA = 1200 / 53
NOTES = (0, 9, 17, 22, 31, 22, 17, 9, 0, 0)


@pytest.fixture(scope="module")
def melody() -> Melody:
    return true_melody(Score("Rast", 220.0, tuple(map(float, NOTES)), (1.0,) * len(NOTES)), "blown")


def test_a_stored_profile_follows_a_corrected_karar(melody):
    first = analyse(melody, shipped_templates(), karar_hz=220.0).profile
    stored = json.loads(json.dumps(profile_to_json(first)))
    same = profile_from_json(stored, karar_hz=220.0)
    assert np.abs(same.curve - first.curve).max() < 1e-6
    corrected = 220.0 * 2 ** (9 / 53)
    moved = profile_from_json(stored, karar_hz=corrected)
    measured = analyse(melody, shipped_templates(), karar_hz=corrected).profile
    assert [d.commas for d in moved.degrees] == pytest.approx([d.commas for d in measured.degrees], abs=0.1)
    assert np.abs(moved.curve - measured.curve).max() < 0.01
    assert moved.shares.argmax() == measured.shares.argmax()


def test_the_corrected_karar_is_used_for_all_features(melody):
    right = analyse(melody, shipped_templates(), karar_hz=220.0)
    wrong = analyse(melody, shipped_templates(), karar_hz=230.0)
    assert right.karar_hz == 220.0
    assert right.features["karar_share"] > 0.2 > wrong.features["karar_share"]
    assert right.features["range_commas"] == pytest.approx(31, abs=1)


@pytest.mark.parametrize("commas", [-1.0, 0.0, 0.7])
def test_drift_is_the_change_from_the_first_half_to_the_second(melody, commas):
    cents = np.concatenate([melody.cents, melody.cents + commas * COMMA])
    both = Melody(cents, np.tile(melody.confidence, 2), melody.hop_s)
    assert analyse(both, shipped_templates()).features["drift_commas"] == pytest.approx(commas, abs=0.15)


def test_silence_has_no_karar_and_no_features():
    found = analyse(Melody(np.full(400, np.nan), np.zeros(400), 0.02), shipped_templates())
    assert (found.candidates, found.karar_hz, found.profile) == ((), None, None)
    assert all(np.isnan(value) for value in found.features.values())
    assert found.suggestions.kind == "not enough"


def test_columns_name_a_makam_only_when_it_is_clear_and_a_karar_only_when_it_is_likely():
    numbers = dict.fromkeys(("karar_probability", "makam_probability", *COMMA_FEATURES), 0.5)
    rows = {
        "a": {"karar_hz": 220.0, "karar_from": "person", "makam": "Rast", "makam_kind": "clear", **numbers},
        "b": {"karar_hz": 196.0, "karar_from": "measured", "makam": "Saba", "makam_kind": "unsure", **numbers},
        "c": {
            **dict.fromkeys(numbers, 0.49),
            "karar_hz": 311.0,
            "karar_from": "measured",
            "makam": "",
            "makam_kind": "",
        },
    }
    table = makam_columns(pd.DataFrame.from_dict(rows, orient="index"), ["b", "a", "unknown", "c"])
    assert list(table.columns) == list(MAKAM_COLUMNS)
    assert sorted(table.columns) == sorted([*TEXTS, *NUMBERS])
    assert table["makam_suggested"].tolist() == ["", "Rast", "", ""]
    assert table["karar"].tolist() == ["G3", "A3", "", ""]
    assert table["karar_height"].tolist() == ["G", "A", "", ""]
    assert table["karar_from"].tolist() == ["measured", "person", "", "unsure"]


def test_a_drone_does_not_make_a_recording_louder():
    y = 0.4 * np.sin(2 * np.pi * 330 * np.arange(SR) / SR)
    mixed = with_drone(y, 220.0)
    assert np.abs(mixed).max() <= np.abs(y).max() + 1e-12
    spectrum = np.abs(np.fft.rfft(mixed))
    assert spectrum[220] > 10 * np.median(spectrum)
    assert np.abs(drone(220.0, 0.5)).max() == pytest.approx(1)
