"""Ask for known vulnerabilities of the installed packages (pip-audit).

Exit status 1 when a package has one. Without a connection to the advisories, one line says so and the status is 0.
"""

import json
import subprocess
import sys

NOT_REACHED = ("ServiceError", "ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError")

NOT_CHECKED = "The advisories cannot be reached from here, so the packages were NOT checked."


def verdict(output: str, errors: str) -> tuple[str, int]:
    """Return what to say about the output of pip-audit, and the exit status."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        if any(word in errors for word in NOT_REACHED):
            return NOT_CHECKED, 0
        return f"pip-audit failed:\n{errors.strip()}", 1
    found = [
        f"{package['name']} {package['version']}: {', '.join([weak['id'], *weak.get('aliases', [])])}, "
        f"mended in {', '.join(weak['fix_versions']) or 'no version yet'}"
        for package in packages
        for weak in package.get("vulns", [])
    ]
    left_out = [package["name"] for package in packages if "skip_reason" in package]
    if len(left_out) == len(packages):  # an index without advisories
        return NOT_CHECKED, 0
    words = f"{len(packages) - len(left_out)} packages were checked; {len(found)} known vulnerabilities."
    if left_out:
        words += f" Not in the index: {', '.join(left_out)}."
    return "\n".join([words, *found]), 1 if found else 0


def main() -> int:
    """Run pip-audit on the environment of this program."""
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--skip-editable"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    words, status = verdict(run.stdout, run.stderr)
    print(words)
    return status


if __name__ == "__main__":
    sys.exit(main())
