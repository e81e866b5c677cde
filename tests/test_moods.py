"""Moods: windows become pieces, pieces are filtered, sorted, mapped and compared, and moods are spread over groups."""

import numpy as np
import pandas as pd
import pytest

from core import moods, store
from core.errors import CoreError
from core.monitor import read_reference
from core.moods import ACCEPTED, BETWEEN, REVIEW, Filter
from core.schema import COLUMNS, EMOTIONS
from core.settings import ROOT
from tests.mood_library import EXTRACTOR, clip, many, pieces, stored

SURE, TWO, ODD = (0.02, 0.03, 0.9, 0.05), (0.02, 0.02, 0.5, 0.46), (0.48, 0.02, 0.46, 0.04)


@pytest.fixture(scope="module")
def reference():
    return read_reference(ROOT / "models" / "champion" / "reference.json")


# --- pieces


def test_the_parts_of_a_file_become_one_piece():
    rows = [
        clip("a", start_s=0.0, p=(0.1, 0.1, 0.7, 0.1), tempo=80.0, lufs=-20.0),
        clip("a", start_s=30.0, p=(0.1, 0.1, 0.5, 0.3), tempo=200.0, lufs=-10.0),
        clip("a", start_s=60.0, p=(0.1, 0.1, 0.2, 0.6), tempo=90.0, lufs=np.nan),
        clip("b"),
    ]
    table = pieces(rows)
    assert list(table.index) == ["a", "b"]
    one = table.loc["a"]
    assert one["windows"] == 3
    assert [round(one[p], 4) for p in moods.PROBA] == [0.1, 0.1, 0.4667, 0.3333]
    assert one["guess"] == "relax"
    assert one["steady"] == pytest.approx(2 / 3)
    assert one["tempo"] == 90.0  # the median: one window at double tempo does not count
    assert one["lufs"] == pytest.approx(10 * np.log10((10**-2 + 10**-1) / 2))
    assert one["duration_s"] == 200.0
    assert (one["clip_id"], one["start_s"]) == ("a@0.0", 0.0)  # shows the guess best


def test_the_length_of_a_file_without_one_is_the_end_of_its_last_part():
    rows = [clip("a", start_s=s, file_duration_s=np.nan) for s in (0.0, 30.0)]
    assert pieces(rows).loc["a", "duration_s"] == 60.0


@pytest.mark.parametrize(
    ("parts", "standing"),
    [
        ([SURE], ACCEPTED),
        ([SURE, SURE, TWO], ACCEPTED),
        ([SURE, TWO], BETWEEN),  # half is not most
        ([TWO], BETWEEN),
        ([ODD], REVIEW),  # angry and relax are opposite: the model is not between them but at a loss
        ([SURE, SURE, SURE, (0.02, 0.03, 0.05, 0.9)], BETWEEN),  # a part of it is accepted as something else
    ],
)
def test_how_a_piece_stands(parts, standing):
    table = pieces([clip("a", start_s=30.0 * k, p=p) for k, p in enumerate(parts)])
    assert table.loc["a", "standing"] == standing


def test_a_clip_unlike_the_training_music_is_for_review():
    assert pieces([clip("a", p=SURE, decision=None, candidates="[]")]).loc["a", "standing"] == REVIEW


def test_names_from_tags_or_from_the_file():
    table = pieces(
        [
            clip("a", title="Gül", source="/music/Emel/1999", year=1999, genre="synthetic"),
            clip("b", file_name="Op. 3 No. 1.flac", path="/music/Session 4/Op. 3 No. 1.flac"),
            clip("c", path="C:\\Music\\Kayıt\\c.wav"),
        ]
    )
    assert table["title"].tolist() == ["Gül", "Op. 3 No. 1", "c"]
    assert table["session"].tolist() == ["1999", "Session 4", "Kayıt"]
    assert table["synthetic"].tolist() == [True, False, False]
    assert table["artist"].tolist() == ["", "", ""]
    assert table["year"].tolist() == [1999, pd.NA, pd.NA]


def test_pieces_come_out_of_the_store(tmp_path):
    opened = store.open_store(f"sqlite:///{tmp_path / 'x.db'}")
    hashes = stored(opened, tmp_path / "müzik", each=3)
    table = moods.pieces(store.library_table(opened))
    assert set(table.index) == set(hashes)
    assert table["guess"].value_counts().to_dict() == dict.fromkeys(EMOTIONS, 3)
    assert table["standing"].value_counts().to_dict() == {ACCEPTED: 8, BETWEEN: 4}
    assert set(table["session"]) == {"müzik"}
    assert set(table["album"]) == {"Işık"}


# --- filter and order


@pytest.fixture(scope="module")
def library():
    return pieces(
        [
            clip("a", p=SURE, artist="Işık Özgür", title="Hüseynî Peşrev", tempo=70.0, year=1960, makam="Hüseynî"),
            clip("b", p=TWO, artist="Çınar", title="Longa", tempo=150.0, lufs=-8.0),
            clip("c", p=(0.9, 0.05, 0.03, 0.02), artist="Cem", title="Zeybek", tempo=np.nan, lufs=np.nan, album="İlk"),
        ]
    )


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Filter(), ["a", "b", "c"]),
        (Filter(emotions=("angry",)), ["c"]),
        (Filter(emotions=()), []),
        (Filter(standings=(BETWEEN,)), ["b"]),
        (Filter(confidence=0.6), ["a", "c"]),
        (Filter(tempo=(60, 100)), ["a"]),
        (Filter(tempo=(0, 500)), ["a", "b"]),  # what has no tempo has none in the range
        (Filter(lufs=(-10, 0)), ["b"]),
        (Filter(year=(1950, 1970)), ["a"]),
        (Filter(artists=("Cem", "Çınar")), ["b", "c"]),
        (Filter(albums=("İlk",)), ["c"]),
        (Filter(makams=("Hüseynî",)), ["a"]),
        (Filter(genres=("türkü",)), []),
        (Filter(search="huseyni IŞIK"), ["a"]),
        (Filter(search="ozgur"), ["a"]),
        (Filter(search="ilk zeybek"), ["c"]),
        (Filter(search=".*"), []),  # words, not patterns
    ],
)
def test_filters(library, wanted, left):
    assert list(moods.pick(library, wanted).index) == left


def test_case_and_marks_do_not_matter_in_a_search():
    assert moods.fold("HÜSEYNÎ") == moods.fold("hüseynî") == moods.fold("huseyni")
    assert moods.fold("IŞIK") == moods.fold("ışık") == moods.fold("İŞİK") == "isik"


def test_the_turkish_alphabet():
    names = ["Zeki", "Çınar", "Cem", "İpek", "Işık", "Sarı", "Şafak", "Âşık", "Ahmet", "Öz", "Oya", "2. Peşrev"]
    right = ["2. Peşrev", "Ahmet", "Âşık", "Cem", "Çınar", "Işık", "İpek", "Oya", "Öz", "Sarı", "Şafak", "Zeki"]
    assert sorted(names, key=moods.turkish_order) == right


@pytest.mark.parametrize(
    ("by", "descending", "order"),
    [
        ("artist", False, "cba"),
        ("artist", True, "abc"),
        ("tempo", True, "bac"),
        ("tempo", False, "abc"),
        ("year", True, "abc"),
    ],
)
def test_order_with_the_unknown_last(library, by, descending, order):
    assert "".join(moods.in_order(library, by, descending=descending).index) == order


@pytest.mark.parametrize("by", moods.SORTS)
def test_every_order_keeps_all_pieces(library, by):
    assert sorted(moods.in_order(library, by).index) == ["a", "b", "c"]


# --- the circle


def test_neighbours_on_the_circle():
    pairs = {(a, b) for a in EMOTIONS for b in EMOTIONS if moods.beside(a, b)}
    assert pairs == {
        *(("angry", "happy"), ("happy", "angry"), ("happy", "relax"), ("relax", "happy")),
        *(("relax", "sad"), ("sad", "relax"), ("sad", "angry"), ("angry", "sad")),
    }


def test_neighbours_differ_in_one_of_pleasant_and_strong():
    for a in EMOTIONS:
        for b in EMOTIONS:
            differ = (moods.PLEASANT[a] != moods.PLEASANT[b]) + (moods.STRONG[a] != moods.STRONG[b])
            assert moods.beside(a, b) == (differ == 1)


def test_corners_and_middle_of_the_plane():
    proba = pd.DataFrame(np.vstack([np.eye(4), [0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]]), columns=moods.PROBA)
    at = moods.plane(proba).to_numpy().tolist()
    assert at == [[-1, 1], [1, 1], [1, -1], [-1, -1], [0, 0], [0, 0]]


# --- spread


def test_moods_by_artist_add_up():
    table = many(60, artists=5)
    table.loc[table.index[:7], "artist"] = ""
    found = moods.spread(table, "artist")
    assert found["group"].iloc[-1] == moods.UNKNOWN  # last, although it may be large
    assert found["pieces"].sum() == 60
    assert (found[list(EMOTIONS)].sum(axis=1) == found["pieces"]).all()
    assert found["minutes"].sum() == pytest.approx(table["duration_s"].sum() / 60)
    assert found["pieces"].iloc[:-1].is_monotonic_decreasing


# --- sound


@pytest.fixture(scope="module")
def heard(reference):
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(12)
    names = [f"p{k:02d}" for k in range(12)]
    table = pieces([clip(name, clip_id=name) for name in names])
    typical.index = names
    return moods.sound(table, pd.DataFrame({"clip_id": names, "content_hash": names}), typical, reference)


def test_a_piece_keeps_its_place_when_others_come(heard, reference):
    few, all_of_them = (moods.library_map(part, reference).points for part in (heard.head(4), heard))
    pd.testing.assert_frame_equal(few, all_of_them.head(4))


def test_the_mean_of_the_training_music_is_the_middle_of_the_map(reference):
    middle = pd.DataFrame(np.zeros((1, len(reference.used))), index=["m"], columns=list(reference.used))
    found = moods.library_map(middle, reference)
    assert found.points.to_numpy() == pytest.approx(0.0)
    assert 1 > found.shares[0] > found.shares[1] > 1 / len(reference.used)


def test_axes_are_the_directions_of_largest_variance(reference):
    """The map of the training music's own correlations has these variances, and the axes are not correlated."""
    rng = np.random.default_rng(0)
    drawn = rng.multivariate_normal(np.zeros(len(reference.used)), reference.correlation, size=20_000)
    found = moods.library_map(pd.DataFrame(drawn, columns=list(reference.used)), reference)
    variance = np.cov(found.points.T)
    assert np.diag(variance) / len(reference.used) == pytest.approx(found.shares, rel=0.05)
    assert abs(np.corrcoef(found.points.T)[0, 1]) < 0.05


def test_the_same_sound_is_nearest_and_distance_is_mutual(heard):
    twin = pd.concat([heard, heard.loc[["p03"]].rename(index={"p03": "twin"})])
    near = moods.similar(twin, "p03", count=3)
    assert near.index[0] == "twin"
    assert near.iloc[0] == 0
    assert near.is_monotonic_increasing
    assert "p03" not in near.index
    back = moods.similar(twin, near.index[2], count=20)
    assert back["p03"] == pytest.approx(near.iloc[2])


def test_one_odd_value_does_not_decide_alone(heard, reference):
    """A feature a thousand deviations away counts as five."""
    table = pieces([clip("a", clip_id="a"), clip("b", clip_id="b")])
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(1)
    odd = typical.assign(_Roughness_Mean=1e12)
    features = pd.concat([typical, odd]).set_axis(["a", "b"])
    found = moods.sound(table, pd.DataFrame({"clip_id": ["a", "b"], "content_hash": ["a", "b"]}), features, reference)
    assert found.to_numpy().max() <= moods.FAR
    distance = moods.similar(found, "a").loc["b"]
    assert distance <= 2 * moods.FAR / np.sqrt(len(reference.used))


def test_only_among_those_asked_for_and_nothing_for_the_unknown(heard):
    assert list(moods.similar(heard, "p00", among=["p05", "nobody"]).index) == ["p05"]
    assert moods.similar(heard, "p00", among=[]).empty
    with pytest.raises(CoreError, match="Score the library again"):
        moods.similar(heard, "nobody")


def test_sound_is_the_mean_of_the_parts(reference):
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(2)
    typical.index = ["a@0.0", "a@30.0"]
    table = pieces([clip("a", start_s=0.0), clip("a", start_s=30.0)])
    parts = pd.DataFrame({"clip_id": typical.index, "content_hash": "a"})
    both = moods.sound(table, parts, typical, reference)
    mean = moods.sound(table, parts.head(1), typical.mean().to_frame("a@0.0").T, reference)
    pd.testing.assert_frame_equal(both, mean)
    assert EXTRACTOR in set(table["extractor"])
