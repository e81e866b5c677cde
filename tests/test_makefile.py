"""What the commands of the Makefile find."""

from core.settings import ROOT


def test_all_tests_for_a_browser_are_in_the_folder_where_make_looks_for_them():
    commands = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "pytest tests/browser -n 2" in commands
    assert "pytest --ignore tests/browser -n auto" in commands
    mark = ".mark." + "browser"
    marked = {path.parent for path in (ROOT / "tests").rglob("test_*.py") if mark in path.read_text(encoding="utf-8")}
    assert marked == {ROOT / "tests" / "browser"}
