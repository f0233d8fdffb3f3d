"""`python -m tools.vendor`: brings the page's libraries into frontend/vendor, and records what they are.

npm installs the versions of tools/package.json and compares each package with the sha512 in tools/package-lock.json;
esbuild makes one small module of each.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).resolve().parent
PACKAGES = TOOLS / "node_modules"
VENDOR = TOOLS.parent / "frontend" / "vendor"
RECORD = VENDOR / "vendor.json"

LIBRARIES: dict[str, dict[str, Any]] = {
    "uplot": {
        "packages": ["uplot"],
        "module": ("uplot/dist/uPlot.esm.js", "uPlot.esm.js"),
        "copies": {"uplot/dist/uPlot.min.css": "uPlot.min.css"},
    },
    "write-excel-file": {
        "packages": ["write-excel-file", "fflate"],
        "module": ("../excel.js", "write-excel-file.esm.js"),
        "copies": {},
    },
}


def install() -> None:
    """Install the packages of the lock file; exit with npm's message where one is not the recorded one."""
    subprocess.run(["npm", "ci", "--omit=dev", "--silent"], cwd=TOOLS, check=True)


def vendor(name: str, *, packages: list[str], module: tuple[str, str], copies: dict[str, str]) -> dict[str, Any]:
    """Write the library's directory anew; return its record."""
    directory = VENDOR / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    about = [_package(one) for one in packages]
    source, target = module
    banner = ", ".join(f"{one['name']} {one['version']} ({one['license']})" for one in about)
    subprocess.run(
        [
            PACKAGES / ".bin" / "esbuild",
            PACKAGES / source,
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--minify",
            "--legal-comments=none",
            "--charset=utf8",
            "--log-level=warning",
            f"--banner:js=/*! {banner}; see LICENSE */",
            f"--outfile={directory / target}",
        ],
        cwd=TOOLS,
        check=True,
    )
    for origin, copy in copies.items():
        shutil.copyfile(PACKAGES / origin, directory / copy)
    licences = [(PACKAGES / one / "LICENSE").read_text(encoding="utf-8").strip() for one in packages]
    (directory / "LICENSE").write_text(
        "\n\n".join(f"{one['name']}\n\n{text}" for one, text in zip(about, licences, strict=True)) + "\n",
        encoding="utf-8",
    )
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(directory.iterdir())}
    return {"directory": name, "packages": about, "files": files}


def _package(name: str) -> dict[str, str]:
    lock = json.loads((TOOLS / "package-lock.json").read_text(encoding="utf-8"))
    entry = lock["packages"][f"node_modules/{name}"]
    return {
        "name": name,
        "version": entry["version"],
        "license": entry["license"],
        "source": f"npm:{name}@{entry['version']}",
        "integrity": entry["integrity"],
    }


def main() -> None:
    install()
    record = [vendor(name, **library) for name, library in LIBRARIES.items()]
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for library in record:
        for file in library["files"]:
            print(f"{(VENDOR / library['directory'] / file).stat().st_size:8,} bytes  {library['directory']}/{file}")


if __name__ == "__main__":
    main()
