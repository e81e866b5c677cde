"""Colours of texts on bars, and axes of percents."""

import pytest

from pages.figures.style import COLOURS, ink, percent_axis


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True)
    )


@pytest.mark.parametrize("colour", [*COLOURS.values(), "#BBBBBB", "#56B4E9", "#CC79A7"])
def test_a_text_on_a_bar_can_be_read(colour):
    dark, light = sorted((luminance(colour), luminance(ink(colour))))
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, level AA


def test_percents_on_an_axis_have_a_space():
    assert percent_axis()["labelalias"]["75%"] == "75 %"
    assert percent_axis(signed=True)["labelalias"]["−5%"] == "−5 %"
