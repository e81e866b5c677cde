"""Scripts, styles and pages of HTML are files, and Python text holds none of them."""

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import assets

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py")), *sorted((ROOT / "core").rglob("*.py"))]
CODE = re.compile(r"<(style|script|html|body|head|div)\b|\bexport default\b|@media\b")
PARTS = re.compile(r"""["']\s*[fr]?["']""")  # between the parts of a text


def texts(path: Path) -> list[str]:
    """The texts in a file that has such code anywhere, also in a text of several parts."""
    source = path.read_text()
    if not CODE.search(PARTS.sub("", source)):
        return []
    nodes = ast.walk(ast.parse(source))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_python_text_holds_no_script_style_or_page():
    found = [(path.relative_to(ROOT), text) for path in SOURCES for text in texts(path) if CODE.search(text)]
    assert found == []


def test_every_asset_is_used():
    source = "\n".join(path.read_text() for path in SOURCES)
    for path in assets.FOLDER.iterdir():
        how = {".css": "style", ".js": "script"}.get(path.suffix, "component")
        assert re.search(rf'(?:{how}|component)\([^()]*"{path.stem}"', source), path.name


def test_a_style_reaches_the_page_as_it_stands_in_its_file():
    page = AppTest.from_string('from pages.shared import assets; assets.style("label")').run()
    (style,) = page.get("html")
    assert style.proto.body == f"<style>{(assets.FOLDER / 'label.css').read_text()}</style>"


def test_a_script_is_the_text_of_its_file():
    assert "export default function" in assets.script("rater_cookie")
    with pytest.raises(FileNotFoundError):
        assets.script("no such script")
