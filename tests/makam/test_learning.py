"""Learning of templates, their files, and the recordings that they are learned from."""

import json

import numpy as np
import pandas as pd
import pytest
from composed import composed

from core.errors import CoreError, ModelError, TableError
from core.makam.learning import Lesson, learn
from core.makam.lessons import lessons_of_tracks, read_recordings
from core.makam.templates import (
    SHIPPED,
    learned_path,
    probabilities,
    read_templates,
    shipped_templates,
    templates_bytes,
    templates_in_use,
)
from core.makam.theory import MAKAMS
from core.makam.trust import Held, measure_trust


@pytest.fixture(scope="module")
def lessons():
    """Six melodies of each of two makams, and one of a third."""
    named = [(name, seed) for name in ("Hicaz", "Mahur") for seed in range(6)] + [("Saba", 0)]
    return [
        Lesson(
            f"{name} {seed}", composed(name, seconds=50, karar_hz=200.0 + 9 * seed, seed=seed), name, 200.0 + 9 * seed
        )
        for name, seed in named
    ]


@pytest.fixture(scope="module")
def learned(lessons):
    return learn(lessons, source="a test")


def test_templates_say_on_what_they_were_learned_and_what_was_left_out(learned):
    assert learned.templates.makams == ("Hicaz", "Mahur")
    assert learned.templates.learned_from == "Learned from 12 recordings of 2 makams (a test)."
    assert learned.few == ("Saba",)


def test_learned_templates_tell_the_makams_apart(learned):
    from core.makam.recognition import suggest_makams

    for name in ("Hicaz", "Mahur"):
        assert suggest_makams(composed(name, seconds=60, seed=77), learned.templates).three[0].name == name


def test_a_karar_that_is_not_known_is_estimated_with_the_makam(lessons):
    unknown = [Lesson(lesson.name, lesson.melody, lesson.makam) for lesson in lessons]
    assert learn(unknown).templates.recordings == 12


def test_a_recording_without_a_usable_karar_is_named(lessons):
    wrong = Lesson("wrong karar", lessons[0].melody, "Hicaz", 317.0)
    assert learn([*lessons, wrong]).unusable == ("wrong karar",)


def test_one_makam_is_not_enough(lessons):
    with pytest.raises(CoreError, match="two makams with 5 recordings each. These have: Hicaz 6, Saba 1"):
        learn([lesson for lesson in lessons if lesson.makam != "Mahur"])


def test_templates_survive_the_file(learned, tmp_path):
    path = learned_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(templates_bytes(learned.templates))
    again = templates_in_use(tmp_path)
    assert again.makams == learned.templates.makams
    assert again.trust == learned.templates.trust
    np.testing.assert_allclose(again.clip.of, learned.templates.clip.of, atol=2e-3)


def test_without_learned_templates_the_shipped_ones_are_used(tmp_path):
    used = templates_in_use(tmp_path)
    assert set(used.makams) == {makam.name for makam in MAKAMS.values()}
    assert "no recordings" in used.learned_from


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"not an archive"])
def test_a_damaged_file_is_refused(content, tmp_path):
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"t\.npz is not a file of makam templates\. Learn them again with: "):
        read_templates(path)


def test_a_file_with_pickled_objects_is_refused_and_not_run(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, about=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match="is not a file of makam templates"):
        read_templates(path)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"version": "tme-makam 0"}, "another version"),
        ({"makams": ["Rast"]}, "wrong shape"),
        ({"trust": {"karar": -1, "karar_clip": 1, "makam": 1, "clear": 1}}, "not above 0"),
        ({"trust": {}}, "is not a file"),
    ],
)
def test_a_changed_file_is_refused(change, refusal, tmp_path):
    with np.load(SHIPPED) as file:
        content = dict(file)
    about = json.loads(str(content.pop("about")))
    path = tmp_path / "t.npz"
    np.savez(path, about=np.array(json.dumps({**about, **change})), **content)
    with pytest.raises(ModelError, match=refusal):
        read_templates(path)


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    with np.load(SHIPPED) as file:
        content = dict(file)
    content["clip"][0, 0] = np.nan
    np.savez(tmp_path / "t.npz", **content)
    with pytest.raises(ModelError, match="not numbers"):
        read_templates(tmp_path / "t.npz")


def test_a_higher_temperature_is_more_careful():
    scores = np.array([[2.0, 0.0], [0.0, 1.0]])
    cold, warm = probabilities(scores, 0.5), probabilities(scores, 2.0)
    assert (cold.sum(), warm.sum()) == pytest.approx((1, 1))
    assert cold.max() > warm.max()


def test_trust_is_low_where_high_scores_are_wrong():
    scores = np.array([[6.0, 0.0]])
    good = [Held(scores, 0, 0)] * 40
    half = [Held(scores, 0, k % 2) for k in range(40)]
    assert measure_trust(good, good).makam < measure_trust(half, half).makam
    assert measure_trust(good, good).clear < measure_trust(half, half).clear == 1.0


def test_shipped_templates_are_read_once():
    assert shipped_templates() is shipped_templates()


@pytest.mark.parametrize(
    ("text", "refusal"),
    [("recording,name\na,Rast\n", "has no column makam"), ("recording,makam\na,Rast\na,Saba\n", "names a twice"),
     ("recording,makam\n", "names no recording"), ("", "cannot be read as a table")],
)  # fmt: skip
def test_a_table_of_recordings_that_cannot_be_used_is_refused(text, refusal, tmp_path):
    (tmp_path / "recordings.csv").write_text(text)
    with pytest.raises(TableError, match=refusal):
        read_recordings(tmp_path)


def test_a_missing_karar_is_not_a_number(tmp_path):
    (tmp_path / "recordings.csv").write_text("recording,makam,karar_hz\na,Rast,\nb,Rast,220.5\n")
    assert np.isnan(read_recordings(tmp_path)["karar_hz"][0])
    assert read_recordings(tmp_path)["karar_hz"][1] == 220.5


def test_a_melody_that_is_missing_is_named(tmp_path):
    pd.DataFrame({"recording": ["a", "b"], "makam": "Rast"}).to_csv(tmp_path / "recordings.csv", index=False)
    np.savez(tmp_path / "pitch.npz", a=np.zeros(10, np.int16))
    with pytest.raises(CoreError, match="has no melody of b"):
        list(lessons_of_tracks(tmp_path))
