"""The documents name what there is: pages, commands, options, settings and rooms."""

import ast
import re
from pathlib import Path

import pytest
import typer

from core.__main__ import app
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTATION = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
COMMANDS = typer.main.get_command(app).commands
SOURCES = [ROOT / "app.py", *(ROOT / "core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]


def names(word: str) -> bool:
    """Whether the documents contain the whole word."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", DOCUMENTATION) is not None


def first_column(document: str, heading: str) -> list[str]:
    """The first cells of the rows of the first table below a heading."""
    text = (ROOT / document).read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1]
    table = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [row.split("|")[1].strip() for row in table[1].splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_is_documented(command):
    shown = [parameter for parameter in COMMANDS[command].params if not getattr(parameter, "hidden", False)]
    options = [word for parameter in shown for word in parameter.opts if word.startswith("--")]
    assert re.search(rf"python -m core {command}\b|`{command}\b", DOCUMENTATION), command
    assert [option for option in options if not names(option)] == []


def test_no_document_names_a_command_that_does_not_exist():
    assert set(re.findall(r"python -m core ([a-z][a-z-]+)", DOCUMENTATION)) <= set(COMMANDS)


def test_the_documents_and_the_pages_name_buttons_that_exist():
    pages = {path: re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8")) for path in (ROOT / "pages").rglob("*.py")}
    shown = "\n".join([*pages.values(), *(p.read_text("utf-8") for p in (ROOT / "pages").rglob("*.js"))])
    named = re.compile(r"(?<![\w*])\*([A-Z][^*\n|`{}()]*)\*(?![\w*])")
    built = {"Continue the session"}  # from two words
    terms = {"Beam search", "Exchange", "Shortlist"}  # no buttons
    documents = re.sub(r"(?<!\n) *\n *(?![\n|#-])", " ", DOCUMENTATION)
    names = {*named.findall(documents), *(name for text in pages.values() for name in named.findall(text))}
    labels = shown + "\n".join(re.findall(r"^#+ (.*)", DOCUMENTATION, re.MULTILINE))
    for name in names:
        labels = labels.replace(f"*{name}*", "")  # this only names a label
    assert len(names) > 30
    assert sorted(name for name in names - built - terms if name not in labels) == []


def test_the_changelog_links_each_document_that_it_names():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"(?<![\[(])docs/\w+\.md", text) == []


def test_every_setting_is_documented_and_no_other():
    known = {f"TME_{name.upper()}" for name in Settings.model_fields}
    read = {name for path in SOURCES for name in re.findall(r"TME_[A-Z0-9_]*[A-Z0-9]", path.read_text("utf-8"))}
    assert [name for name in sorted(known | read) if not names(name)] == []
    table = {name for row in first_column("README.md", "Settings") for name in re.findall(r"TME_\w+", row)}
    assert table == known


def test_every_page_is_documented_and_no_other():
    titles = [
        keyword.value.value
        for call in ast.walk(ast.parse((ROOT / "app.py").read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "page"
        for keyword in call.keywords
        if keyword.arg == "title"
    ]
    assert len(titles) > 10
    assert [row.strip("*") for row in first_column("README.md", "What you can do")] == titles


def test_every_room_is_documented_and_no_other():
    rooms = {path.parent.name for path in (ROOT / "core").glob("*/__init__.py")}
    rows = first_column("docs/development.md", "The rooms of `core/`")
    assert sorted(row.strip("`/") for row in rows) == sorted(rooms)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_exist(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []
    paths = re.findall(r"`((?:core|pages|tests|models|docs)/[\w/.]*\w\.?\w*/?)`", text)
    assert [path for path in paths if not (ROOT / path).exists() and not re.search("NAME|GROUP", path)] == []
    modules = re.findall(r"`(core(?:\.\w+)+)`", text)
    missing = [m for m in modules if not any((ROOT / p).exists() for p in candidates(m))]
    assert missing == []


def candidates(module: str) -> list[str]:
    """Paths of a module, or of the module that holds the last name."""
    path = module.replace(".", "/")
    above = path.rpartition("/")[0]
    return [f"{path}.py", path, f"{above}.py"]


def test_each_threat_names_a_test_that_exists():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").split("## Threats and tests", 1)[1]
    rows = [row for row in text.splitlines() if row.startswith("| ") and not row.startswith("| threat ")]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_readme_links_every_document():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCUMENTS[1:] if f"docs/{path.name}" not in readme] == []
