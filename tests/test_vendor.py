"""The page's parts from others are recorded: version, licence, checksums; and they are what the lock file names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "frontend" / "vendor"
RECORD: list[dict[str, Any]] = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))
LOCKED: dict[str, Any] = json.loads((ROOT / "tools" / "package-lock.json").read_text(encoding="utf-8"))["packages"]


@pytest.mark.parametrize("library", RECORD, ids=lambda library: library["directory"])
def test_the_vendored_files_are_the_recorded_ones(library: dict[str, Any]) -> None:
    directory = VENDOR / library["directory"]

    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir()}

    assert found == library["files"]


def test_nothing_is_vendored_without_a_record() -> None:
    assert {path.name for path in VENDOR.iterdir()} == {"vendor.json", *(one["directory"] for one in RECORD)}


@pytest.mark.parametrize("library", RECORD, ids=lambda library: library["directory"])
def test_the_record_names_version_licence_and_the_locked_checksum(library: dict[str, Any]) -> None:
    licence = (VENDOR / library["directory"] / "LICENSE").read_text(encoding="utf-8")

    for package in library["packages"]:
        locked = LOCKED[f"node_modules/{package['name']}"]
        assert package["license"] == "MIT"
        assert package["name"] in licence
        assert (package["version"], package["integrity"]) == (locked["version"], locked["integrity"])
        assert package["integrity"].startswith("sha512-")


def test_the_lock_of_the_tools_names_no_registry() -> None:
    assert [name for name, package in LOCKED.items() if "resolved" in package] == []
