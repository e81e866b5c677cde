"""What the check of known vulnerabilities says."""

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
audit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
WEAK = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["9.1", "10.0"]}],
}
NO_NAME = {"name": "ours", "skip_reason": "it is not on the index"}


def test_a_vulnerability_fails_the_check_and_says_what_helps():
    words, status = audit.verdict(json.dumps({"dependencies": [SOUND, WEAK, NO_NAME]}), "")
    assert status == 1
    assert words.splitlines() == [
        "2 packages were checked; 1 known vulnerabilities. Not in the index: ours.",
        "pillow 9.0: PYSEC-1, CVE-1, mended in 9.1, 10.0",
    ]


def test_without_one_it_passes():
    assert audit.verdict(json.dumps({"dependencies": [SOUND]}), "a warning")[1] == 0


def test_without_a_network_one_line_says_so_and_nothing_fails():
    unreached = audit.verdict("", "pip_audit._service.interface.ServiceError")
    no_advisories = audit.verdict(json.dumps({"dependencies": [NO_NAME, NO_NAME]}), "")
    for words, status in (unreached, no_advisories):
        assert status == 0
        assert "NOT checked" in words
        assert "\n" not in words


def test_any_other_failure_is_one():
    assert audit.verdict("", "No module named pip_audit") == ("pip-audit failed:\nNo module named pip_audit", 1)
    assert audit.verdict("{}", "")[1] == 1
