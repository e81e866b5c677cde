"""Moods: windows become pieces, pieces are filtered, sorted, mapped and compared, and moods are spread over groups."""

import unicodedata

import numpy as np
import pandas as pd
import pytest

from core import store
from core.errors import CoreError
from core.models.reference import read_reference
from core.playlists import selection
from core.playlists.circle import PLEASANT, STRONG, mood_coordinates, neighbours
from core.playlists.pieces import ACCEPTED, BETWEEN, REVIEW, UNKNOWN, add_places, pieces_table
from core.playlists.selection import SORTS, Filter, alphabetical_ranks, filter_pieces, searched_text, sort_pieces
from core.playlists.sound import FAR, LibraryMap, library_map, recordings, similar_pieces, sound_table
from core.same_recording import SameRecordings
from core.schema import COLUMNS, EMOTIONS, PROBA
from core.settings import ROOT
from core.turkish import fold, turkish_order
from pages.figures import playlists
from tests.mood_library import clip, many, pieces, stored

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
    assert [round(one[p], 4) for p in PROBA] == [0.1, 0.1, 0.4667, 0.3333]
    assert one["guess"] == "relax"
    assert one["steady"] == pytest.approx(2 / 3)
    assert one["tempo"] == 90.0  # the median: one window at double tempo does not count
    assert one["lufs"] == pytest.approx(10 * np.log10((10**-2 + 10**-1) / 2))
    assert one["duration_s"] == 200.0
    assert (one["clip_id"], one["start_s"]) == ("a@0.0", 0.0)  # shows the guess best


HAPPY, SAD = (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)
HALVES = [(0.0, 30.0, HAPPY), (30.0, 30.0, SAD)]  # windows of 30 s: start, length, probabilities
BETWEEN_THEM = (15.0, 30.0, (0.0, 0.5, 0.0, 0.5))


@pytest.mark.parametrize(
    ("spans", "happy"),
    [
        (HALVES, 0.5),
        ([*HALVES, *HALVES], 0.5),  # heard twice, as when somebody also sent the part to the Predict page
        ([*HALVES, BETWEEN_THEM], 0.5),
        ([*HALVES, (0.0, 20.0, HAPPY)], 0.5),  # the same seconds again say no more
        ([*HALVES, (0.0, 10.0, SAD)], 25 / 60),  # ten seconds are said to be both
        ([(0.0, 30.0, HAPPY), (20.0, 30.0, SAD)], 0.5),  # the last window ends with the file
        ([(0.0, 30.0, HAPPY), (30.0, 10.0, SAD)], 0.75),  # a short part counts less
    ],
)
def test_every_second_counts_once_in_whatever_order_it_was_scored(spans, happy):
    rows = [
        clip("a", start_s=start, duration_s=length, p=p, clip_id=f"a{k}") for k, (start, length, p) in enumerate(spans)
    ]
    for order in (rows, rows[::-1], [clip("b"), *rows[1:], clip("c"), rows[0]]):
        one = pieces(order).loc["a"]
        assert one["p_happy"] == pytest.approx(happy)
        assert one["p_sad"] == pytest.approx(1 - happy)
        assert one["windows"] == len(spans)


def test_tempo_loudness_and_steadiness_go_by_seconds_too():
    loud = {"p": HAPPY, "tempo": 120.0, "lufs": -10.0}
    calm = {"p": SAD, "tempo": 60.0, "lufs": -20.0, "start_s": 30.0}
    one = pieces([clip("a", **loud), clip("a", **calm, duration_s=10.0), clip("a", clip_id="again", **loud)]).loc["a"]
    assert one["tempo"] == 120.0
    assert one["steady"] == pytest.approx(0.75)
    assert one["lufs"] == pytest.approx(10 * np.log10(0.75 * 10**-1 + 0.25 * 10**-2))
    assert pieces([clip("a", **loud), clip("a", **calm)]).loc["a", "tempo"] == 90.0  # half and half


def test_of_a_piece_that_the_model_in_use_has_heard_no_other_one_speaks():
    rows = [
        clip("a", p=HAPPY, model_version="new"),
        clip("a", p=SAD, start_s=30.0, model_version="old"),
        clip("b", p=SAD, model_version="old"),
    ]
    table = pieces(rows, model_version="new")
    assert table["guess"].to_dict() == {"a": "happy", "b": "sad"}
    assert table["model_version"].to_dict() == {"a": "new", "b": "old"}
    assert table.loc["a", "windows"] == 1
    assert pieces(rows).loc["a", "windows"] == 2


def test_decisions_of_several_policies_have_none():
    rows = [clip("a", policy="A"), clip("a", start_s=30.0, policy="B"), clip("b", policy="A")]
    assert pieces(rows)["policy"].to_dict() == {"a": "", "b": "A"}


def test_channels_are_those_of_the_file_or_not_known():
    table = pieces([clip("a", channels=1), clip("b", channels=None)])
    assert table["channels"].tolist() == [1.0, pytest.approx(np.nan, nan_ok=True)]


def test_a_piece_is_where_its_content_is_now(tmp_path):
    """Of the places of its content the first one counts that holds a file of this size."""
    for name, size in (("here.flac", 10), ("copy.flac", 10), ("grown.flac", 11)):
        (tmp_path / name).write_bytes(b"x" * size)
    at = {name: str(tmp_path / name) for name in ("here.flac", "copy.flac", "grown.flac", "gone.flac")}
    table = pieces(
        [clip(name, path=path) for name, path in zip("abcdef", ["/old"] * 5 + ["clips/x.flac"], strict=True)]
    )
    places = pd.DataFrame(
        [
            ("a", at["here.flac"], 10),
            ("b", at["gone.flac"], 10),
            ("b", at["copy.flac"], 10),
            ("c", at["gone.flac"], 10),
            ("d", at["grown.flac"], 10),
            ("e", "s3://music/e.flac", 10),
        ],
        columns=["content_hash", "path", "size"],
    )
    found = add_places(table, places)
    assert found["there"].to_dict() == {"a": True, "b": True, "c": False, "d": False, "e": True, "f": True}
    assert found.loc[["a", "b", "e", "f"], "path"].tolist() == [
        at["here.flac"],
        at["copy.flac"],
        "s3://music/e.flac",
        "clips/x.flac",
    ]


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
    assert table["folder"].tolist() == ["1999", "Session 4", "Kayıt"]
    assert table["synthetic"].tolist() == [True, False, False]
    assert table["artist"].tolist() == ["", "", ""]
    assert table["year"].tolist() == [1999, pd.NA, pd.NA]


def test_pieces_come_out_of_the_store(tmp_path):
    opened = store.open_store(f"sqlite:///{tmp_path / 'x.db'}")
    hashes = stored(opened, tmp_path / "müzik", each=3)
    table = pieces_table(store.library_table(opened))
    assert set(table.index) == set(hashes)
    assert table["guess"].value_counts().to_dict() == dict.fromkeys(EMOTIONS, 3)
    assert table["standing"].value_counts().to_dict() == {ACCEPTED: 8, BETWEEN: 4}
    assert set(table["folder"]) == {"müzik"}
    assert set(table["album"]) == {"Işık"}


# --- filter and order


@pytest.fixture(scope="module")
def library():
    return pieces(
        [
            clip("a", p=SURE, artist="Işık Özgür", title="Hüseynî Peşrev", tempo=70.0, year=1960, makam="Hüseynî"),
            clip("b", p=TWO, artist="Çınar", title="Longa", performer="Zeki", tempo=150.0, lufs=-8.0),
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
        (Filter(search="zeki longa"), ["b"]),  # the performer
        (Filter(search=".*"), []),  # words, not patterns
    ],
)
def test_filters(library, wanted, left):
    assert list(filter_pieces(library, wanted).index) == left
    assert list(filter_pieces(library, wanted, text=searched_text(library)).index) == left


def test_a_shared_clip_that_a_library_scored_later_has_an_accepted_mood_and_a_file():
    """Its origin stays that of the first time, so the origin does not decide."""
    table = pieces([clip("shared", origin="upload"), clip("lost"), clip("unsure", p=(0.3, 0.2, 0.3, 0.2))])
    table = table.assign(there=table.index != "lost")
    assert selection.accepted_moods(table) == [("shared", "/music/shared.flac", "relax")]


def test_case_and_marks_do_not_matter_in_a_search():
    assert fold("HÜSEYNÎ") == fold("hüseynî") == fold("huseyni")
    assert fold("IŞIK") == fold("ışık") == fold("İŞİK") == "isik"
    assert fold(unicodedata.normalize("NFD", "ŞÇĞÖÜİ")) == "scgoui"


def test_the_turkish_alphabet():
    names = ["Zeki", "Çınar", "Cem", "İpek", "Işık", "Sarı", "Şafak", "Âşık", "Ahmet", "Öz", "Oya", "2. Peşrev"]
    right = ["2. Peşrev", "Ahmet", "Âşık", "Cem", "Çınar", "Işık", "İpek", "Oya", "Öz", "Sarı", "Şafak", "Zeki"]
    assert sorted(names, key=turkish_order) == right


def test_letters_with_their_marks_apart_sort_as_whole_ones():
    """As macOS writes the names of files."""
    right = ["Cem", "Cüneyt", "Çınar", "Işık", "İpek", "Oya", "Öz", "Sarı", "Süleyman", "Şafak"]
    apart = [unicodedata.normalize("NFD", name) for name in right]
    assert apart != right
    assert sorted(sorted(apart), key=turkish_order) == apart


def test_marks_of_other_languages_do_not_move_a_letter():
    names = ["Ali", "Edip", "Édith", "Etem", "Queen", "Rana", "Wagner", "Zeki"]
    assert sorted(sorted(names), key=turkish_order) == names


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
    places = alphabetical_ranks(library)
    assert "".join(sort_pieces(library, by, descending=descending).index) == order
    assert "".join(sort_pieces(library, by, descending=descending, places=places).index) == order


def test_what_is_equal_stands_by_title_up_and_down():
    table = pieces([clip(k, title=t, tempo=90.0) for k, t in (("a", "Şehnaz"), ("b", "Çargâh"), ("c", "Segâh"))])
    for descending in (False, True):
        assert "".join(sort_pieces(table, "tempo", descending=descending).index) == "bca"


@pytest.mark.parametrize("by", SORTS)
def test_every_order_keeps_all_pieces(library, by):
    assert sorted(sort_pieces(library, by).index) == ["a", "b", "c"]


# --- the circle


def test_neighbours_on_the_circle():
    pairs = {(a, b) for a in EMOTIONS for b in EMOTIONS if neighbours(a, b)}
    assert pairs == {
        *(("angry", "happy"), ("happy", "angry"), ("happy", "relax"), ("relax", "happy")),
        *(("relax", "sad"), ("sad", "relax"), ("sad", "angry"), ("angry", "sad")),
    }


def test_neighbours_differ_in_one_of_pleasant_and_strong():
    for a in EMOTIONS:
        for b in EMOTIONS:
            differ = (PLEASANT[a] != PLEASANT[b]) + (STRONG[a] != STRONG[b])
            assert neighbours(a, b) == (differ == 1)


def test_corners_and_middle_of_the_plane():
    proba = pd.DataFrame(np.vstack([np.eye(4), [0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]]), columns=PROBA)
    at = mood_coordinates(proba).to_numpy().tolist()
    assert at == [[-1, 1], [1, 1], [1, -1], [-1, -1], [0, 0], [0, 0]]


# --- spread


def test_moods_by_artist_add_up():
    table = many(60, artists=5)
    table.loc[table.index[:7], "artist"] = ""
    found = selection.count_moods(table, "artist")
    assert found["group"].iloc[-1] == UNKNOWN  # last, although it may be large
    assert found["pieces"].sum() == 60
    assert (found[list(EMOTIONS)].sum(axis=1) == found["pieces"]).all()
    assert found["minutes"].sum() == pytest.approx(table["duration_s"].sum() / 60)
    assert found["pieces"].iloc[:-1].is_monotonic_decreasing


def test_groups_whose_long_names_begin_alike_have_a_bar_each():
    """And years are names, no numbers."""
    names = [f"Türk Sanat Müziği Klasikleri, Cilt {k}" for k in (1, 2)] + ["1999", "2001"]
    rows = [clip(f"{k}", album=name) for k, name in enumerate(names)]
    figure = playlists.spread(selection.count_moods(pieces(rows), "album"), what="Album")
    assert figure.layout.yaxis.type == "category"
    for bars in figure.data:
        assert sorted(bars.y) == sorted(names)
    shown = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert shown["1999"] == "1999"
    assert len({shown[name] for name in names}) == 4
    assert max(map(len, shown.values())) <= 33


def test_nothing_but_certainty_is_shown_as_certain():
    proba = (0.0003, 0.0, 0.9997, 0.0)
    table = pieces([clip("a", p=proba)])
    places = LibraryMap(pd.DataFrame({"x": [0.0], "y": [0.0]}, index=["a"]), (0.3, 0.2), ((("_Tempo_Mean", 1.0),),) * 2)
    (trace,) = playlists.library_map(table, places).data
    assert trace.customdata[0][3] == "99.9 %"
    rows = table.reset_index().assign(number=1, begins_s=0.0, pulse=100.0, want_tempo=float("nan"))
    relax = next(t for t in playlists.over_time(rows).data if t.name == "relax")
    assert relax.customdata[0] == "99.9 %"


# --- sound


@pytest.fixture(scope="module")
def heard(reference):
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(12)
    names = [f"p{k:02d}" for k in range(12)]
    typical.index = names
    return sound_table(pd.DataFrame({"clip_id": names, "content_hash": names}), typical, reference)


def test_a_piece_keeps_its_place_when_others_come(heard, reference):
    few, all_of_them = (library_map(part, reference).points for part in (heard.head(4), heard))
    pd.testing.assert_frame_equal(few, all_of_them.head(4))


def test_the_mean_of_the_training_music_is_the_middle_of_the_map(reference):
    middle = pd.DataFrame(np.zeros((1, len(reference.used))), index=["m"], columns=list(reference.used))
    found = library_map(middle, reference)
    assert found.points.to_numpy() == pytest.approx(0.0)
    assert 1 > found.shares[0] > found.shares[1] > 1 / len(reference.used)


def test_axes_are_the_directions_of_largest_variance(reference):
    """The map of the training music's own correlations has these variances, and the axes are not correlated."""
    rng = np.random.default_rng(0)
    drawn = rng.multivariate_normal(np.zeros(len(reference.used)), reference.correlation, size=20_000)
    found = library_map(pd.DataFrame(drawn, columns=list(reference.used)), reference)
    variance = np.cov(found.points.T)
    assert np.diag(variance) / len(reference.used) == pytest.approx(found.shares, rel=0.05)
    assert abs(np.corrcoef(found.points.T)[0, 1]) < 0.05


def test_the_same_sound_is_nearest_and_distance_is_mutual(heard):
    twin = pd.concat([heard, heard.loc[["p03"]].rename(index={"p03": "twin"})])
    near = similar_pieces(twin, "p03", count=3)
    assert near.index[0] == "twin"
    assert near.iloc[0] == 0
    assert near.is_monotonic_increasing
    assert "p03" not in near.index
    back = similar_pieces(twin, near.index[2], count=20)
    assert back["p03"] == pytest.approx(near.iloc[2])


def test_one_odd_value_does_not_decide_alone(heard, reference):
    """A feature a thousand deviations away counts as five."""
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(1)
    odd = typical.assign(_Roughness_Mean=1e12)
    features = pd.concat([typical, odd]).set_axis(["a", "b"])
    found = sound_table(pd.DataFrame({"clip_id": ["a", "b"], "content_hash": ["a", "b"]}), features, reference)
    assert found.to_numpy().max() <= FAR
    distance = similar_pieces(found, "a").loc["b"]
    assert distance <= 2 * FAR / np.sqrt(len(reference.used))


def test_only_among_those_asked_for_and_nothing_for_the_unknown(heard):
    assert list(similar_pieces(heard, "p00", among=["p05", "nobody"]).index) == ["p05"]
    assert similar_pieces(heard, "p00", among=[]).empty
    with pytest.raises(CoreError, match="Score the library again"):
        similar_pieces(heard, "nobody")


def test_sound_is_the_mean_of_the_parts(reference):
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(2)
    typical.index = ["a@0.0", "a@30.0"]
    parts = pd.DataFrame({"clip_id": typical.index, "content_hash": "a"})
    both = sound_table(parts, typical, reference)
    mean = sound_table(parts.head(1), typical.mean().to_frame("a@0.0").T, reference)
    pd.testing.assert_frame_equal(both, mean)


def test_two_encodings_of_a_recording_are_one(reference):
    """A little noise in every feature is another encoding; another clip is another recording."""
    clips, features = _versions(reference, noise=0.01)
    found = recordings(clips, features, reference)
    assert found.to_dict() == {"p0": "p0", "p1": "p1", "p2": "p2", "q0": "p0", "q1": "p1"}
    clips, features = _versions(reference, noise=0.8)
    assert recordings(clips, features, reference).nunique() == 5


def test_what_people_and_fingerprints_say_comes_before_the_sound(reference):
    clips, features = _versions(reference, noise=0.01)
    same = SameRecordings(words=(("p0", "q0", False), ("p2", "zz", True)), sure=(("aa", "p1"),), apart=(("p1", "q1"),))
    found = recordings(clips, features, reference, same)
    assert found.to_dict() == {"p0": "p0", "p1": "p1", "p2": "p2", "q0": "q0", "q1": "q1"}
    joined = recordings(clips, features, reference, SameRecordings(words=(("p2", "q1", True),)))
    assert joined.to_dict() == {"p0": "p0", "p1": "p1", "p2": "p1", "q0": "p0", "q1": "p1"}


def test_windows_of_a_recording_are_compared_in_their_mean(reference):
    clips, features = _versions(reference, noise=0.01)
    windows = pd.concat([clips.assign(clip_id=clips["clip_id"] + f"@{k}") for k in range(3)], ignore_index=True)
    of_windows = pd.concat([features.rename(index=lambda c, k=k: f"{c}@{k}") for k in range(3)])
    assert recordings(windows, of_windows, reference)["q0"] == "p0"
    mixed = pd.concat([clips[clips["content_hash"] != "p1"], windows[windows["content_hash"] != "p0"]])
    both = recordings(mixed, pd.concat([features, of_windows]), reference)
    assert both.to_dict() == {"p0": "p0", "p1": "p1", "p2": "p2", "q0": "p0", "q1": "p1"}


def test_what_was_not_measured_is_no_recording_yet(reference):
    clips, features = _versions(reference, noise=0.01)
    assert "q1" not in recordings(clips, features.drop(index="q1"), reference)
    assert recordings(clips, features.iloc[:0], reference).empty


def _versions(reference, *, noise):
    """Three clips of the training music, and two of them once more with noise in standard deviations."""
    typical = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].head(3)
    spread = pd.read_csv(ROOT / "models" / "champion" / "background.csv")[list(COLUMNS)].std()
    by = noise * spread.to_numpy() * np.random.default_rng(0).uniform(-1, 1, (2, len(COLUMNS)))
    again = typical.head(2) + by
    names = ["p0", "p1", "p2", "q0", "q1"]
    features = pd.concat([typical, again]).set_axis(names)
    return pd.DataFrame({"clip_id": names, "content_hash": names}), features


def test_an_end_of_a_range_that_nobody_set_follows_the_library():
    before, after = (0.0, 520.0), (0.0, 1800.0)
    assert selection.open_ends(before, before) == (None, None)
    assert selection.within_bounds((None, None), after) == after
    ends = selection.open_ends((100.0, 520.0), before)  # only the lower end was set
    assert ends == (100.0, None)
    assert selection.within_bounds(ends, after) == (100.0, 1800.0)
    assert selection.within_bounds((100.0, 300.0), after) == (100.0, 300.0)
    assert selection.within_bounds((2000.0, None), after) == after  # no piece has such a value any more


def test_a_piece_that_needs_review_says_why_in_a_few_words():
    rows = [
        clip("speech", p=(0, 0.02, 0.03, 0.95), decision=None, candidates="[]", unlike="speech"),
        clip("new kind", p=(0, 0.02, 0.03, 0.95), decision=None, candidates="[]", unlike="whale song"),
        clip("low", p=(0.4, 0.3, 0.2, 0.1), decision=None, candidates="[]"),
        clip("sure", p=(0, 0.02, 0.03, 0.95), decision="sad", candidates='["sad"]'),
    ]
    table = pieces_table(pd.DataFrame(rows))
    assert table.loc[["speech", "new kind", "low", "sure"], "why"].tolist() == [
        "unlike the training music: speech", "unlike the training music", "no emotion is probable enough", "",
    ]  # fmt: skip
