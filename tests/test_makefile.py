"""What the commands of the Makefile find."""

from core.settings import ROOT


def test_all_tests_for_a_browser_are_in_the_folder_where_make_looks_for_them():
    assert "pytest tests/browser -n 2" in (ROOT / "Makefile").read_text()
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if ".mark." + "browser" in path.read_text()]
    assert {path.parent.name for path in marked} == {"browser"}
