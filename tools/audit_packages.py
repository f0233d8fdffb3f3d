"""pip-audit and Safety on the locked packages: `python -m tools.audit_packages PATH_OF_SAFETY`.

Fails for a known weakness, and where some package was not examined.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

LOCK = "requirements-dev.txt"
SKIP = "FACTORY_AUDIT_OFFLINE"
"""Set to 1 if the database of vulnerabilities cannot be reached; the run says that it skipped them."""


_WEAKNESS_FOUND = 64
"""Safety's exit status."""


def main() -> None:
    ask_pip_audit()
    ask_safety(Path(sys.argv[1]))


def ask_pip_audit() -> None:
    command = ["--requirement", LOCK, "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    program = Path(sys.executable).parent / "pip-audit"
    ran = subprocess.run([program, *command, "--format", "json"], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        leave_out("pip-audit", f"its database was not reached: {last_line(ran.stderr)}")
        return
    weak = [one for one in packages if one.get("vulns")]
    for one in weak:
        for weakness in one["vulns"]:
            mended = ", ".join(weakness["fix_versions"]) or "no version yet"
            print(f"{one['name']} {one['version']}: {weakness['id']}, mended in {mended}")
    if weak:
        sys.exit(f"{len(weak)} packages have known weaknesses.")
    # A package without an answer counts as "not found", which pip-audit itself lets pass.
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    if unknown:
        leave_out("pip-audit", f"its database did not answer for {len(unknown)} of {len(packages)} packages")
    else:
        print(f"pip-audit: {len(packages)} packages without known weaknesses.")


def ask_safety(program: Path) -> None:
    command = [program, "check", "--file", LOCK, "--output", "screen"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if ran.returncode == _WEAKNESS_FOUND:
        sys.exit(f"Safety: packages have known weaknesses.\n{ran.stdout}")
    if ran.returncode:
        leave_out("Safety", f"its database was not reached: {last_line(ran.stderr or ran.stdout)}")
    else:
        print("Safety: the packages are without known weaknesses.")


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["?"])[-1]


def leave_out(program: str, why: str) -> None:
    """Say that packages were not examined; that is a failure unless it is accepted by name."""
    if os.environ.get(SKIP) != "1":
        sys.exit(f"{program}: {why}. Run it where there is a connection, or accept it with {SKIP}=1.")
    print(f"SKIPPED {program}: {why}; {SKIP}=1 accepts that.")


if __name__ == "__main__":
    main()
