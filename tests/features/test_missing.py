"""Values that cannot be measured are named with the reason."""

import numpy as np
import pytest

from core.audio.decoding import Clip
from core.audio.remarks import WARNINGS
from core.features import EXTRACTOR, extract, missing
from core.schema import COLUMNS, FEATURES, SR, FeatureVector
from core.settings import ROOT

LOW = [max(feature.low, -1.0) for feature in FEATURES]  # possible values


def vector(*unknown: str) -> FeatureVector:
    return FeatureVector("c", EXTRACTOR, np.where(np.isin(COLUMNS, unknown), np.nan, LOW))


def test_what_was_measured_gets_no_remark():
    assert missing.remarks(vector()) == ()


def test_each_value_is_named_with_its_reason():
    (remark,) = missing.remarks(vector("_Spectralcentroid_Mean", "_Tempo_Mean", "_Brightness_Mean", "_Rolloff_Mean"))
    assert "Spectral centroid could not be measured, because the spectrum is nearly as even as" in remark.text
    assert "Tempo could not be measured, because there is no clear beat" in remark.text
    assert f"Spectral rolloff and Brightness could not be measured, because {missing.SHORT}." in remark.text
    assert remark.kind in WARNINGS  # the Library page shows it


def test_noise_has_no_centroid_and_says_so():
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 2 * SR)
    (remark,) = missing.remarks(extract(Clip("noise", noise, SR)))
    assert remark.text.startswith("Spectral centroid could not be measured")


@pytest.mark.parametrize("column", missing.REASONS)
def test_reasons_are_of_features(column):
    assert column in COLUMNS


def test_the_document_has_the_reasons():
    assert missing.markdown_table() in (ROOT / "docs" / "features.md").read_text("utf-8")
