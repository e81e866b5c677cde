"""The synthetic library: the same every time, tagged as synthetic, and a broken run goes on."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from core import schema
from core.audio.tags import read_tags
from core.errors import CoreError
from core.library import demo_library


def test_recipes_are_the_same_every_time_and_differ_from_each_other():
    assert demo_library.pieces(40) == demo_library.pieces(40)
    assert demo_library.pieces(24) == demo_library.pieces(40)[:24]
    assert len({p.title for p in demo_library.pieces(40)}) == 40
    assert all("(synthetic)" in text for p in demo_library.pieces(40) for text in (p.title, p.artist, p.album))


def test_a_piece_has_its_form_and_its_level():
    piece = replace(demo_library.pieces(1)[0], section_s=2.0)
    y = demo_library.render(piece)
    assert np.array_equal(y, demo_library.render(piece))
    assert np.abs(y).max() == pytest.approx(piece.peak)
    assert y.size == 4 * round(piece.section_s * schema.SR)


def test_files_say_that_they_are_synthetic_and_are_kept(tmp_path, monkeypatch):
    short = replace(demo_library.pieces(1)[0], section_s=2.0)
    monkeypatch.setattr(demo_library, "pieces", lambda count: [short] * count)
    told = []
    (path,) = demo_library.write(tmp_path / "lib", count=1, on_progress=lambda done, of: told.append((done, of)))
    assert told == [(0, 1), (1, 1)]
    tags = read_tags(path.read_bytes(), str(path))
    assert tags["genre"] == schema.GENRE
    assert (tags["makam"], tags["usul"]) == (short.makam, short.usul)
    assert all("(synthetic)" in tags[name] for name in ("title", "artist", "album"))
    assert soundfile.info(path).duration == pytest.approx(8.0, abs=0.1)
    stamp = path.stat().st_mtime_ns
    assert demo_library.write(tmp_path / "lib", count=1) == [path]
    assert path.stat().st_mtime_ns == stamp
    assert [p.name for p in (tmp_path / "lib").iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CoreError, match="cannot be written into"):
        demo_library.write(tmp_path / "file" / "below", count=1)
