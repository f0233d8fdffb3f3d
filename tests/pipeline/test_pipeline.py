"""The pipeline: pinned actions, few permissions, commands that a person can run, and what it publishes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from tests.test_house import make_targets
from tools.release_notes import CHANGELOG, release_notes

from factory import __version__

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI_CD = yaml.safe_load((ROOT / ".github" / "workflows" / "ci-cd.yml").read_text(encoding="utf-8"))
# PyYAML reads the key `on` as true.
TRIGGERS = CI_CD[True]


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_step_is_a_task_of_the_makefile_or_an_action_pinned_by_its_hash(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    commands = [step["run"] for step in steps(yaml.safe_load(text)) if "run" in step]
    assert used
    assert commands

    assert [action for action, comment in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    assert [action for action, comment in used if not re.fullmatch(r" # v\d+\.\d+\.\d+", comment)] == []
    assert [command for command in commands if command.removeprefix("make ") not in make_targets()] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_job_has_only_the_permissions_that_it_names_and_a_limit_of_time(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    may_write = {
        (name, scope)
        for name, job in workflow["jobs"].items()
        for scope, access in job["permissions"].items()
        if access == "write"
    }

    assert workflow["permissions"] == {}
    assert may_write <= {("images", "id-token"), ("release", "contents")}
    assert [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job] == []


def test_nothing_is_built_or_released_that_was_not_tested() -> None:
    def before(name: str) -> set[str]:
        needs = CI_CD["jobs"][name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*(before(one) for one in direct))

    assert {"check", "test", "stack"} <= before("images")
    assert {"development", "staging"} <= before("production")
    for name in ("development", "staging", "production", "release"):
        assert "images" in before(name)
    assert set(CI_CD["jobs"]["notify"]["needs"]) == set(CI_CD["jobs"]) - {"notify"}


def test_production_and_staging_get_tags_alone_and_each_place_one_release_at_once() -> None:
    jobs = CI_CD["jobs"]

    assert TRIGGERS["push"] == {"branches": ["main"], "tags": ["v*"]}
    for name in ("staging", "production"):
        assert jobs[name]["if"] == "github.ref_type == 'tag'"
    for name in ("development", "staging", "production"):
        assert jobs[name]["environment"]["name"] == name
        assert jobs[name]["concurrency"] == f"deploy-{name}"


TESTED = {"check": "success", "test": "success", "stack": "success"}
NOT_DEPLOYED = dict.fromkeys(("images", "development", "staging", "production"), "skipped")
DEPLOYED = dict.fromkeys(NOT_DEPLOYED, "success")


@pytest.mark.parametrize(
    ("results", "registry", "released"),
    [
        (TESTED | DEPLOYED, "registry.example.org", True),
        (TESTED | NOT_DEPLOYED, "", True),
        (TESTED | NOT_DEPLOYED, "registry.example.org", False),
        (TESTED | NOT_DEPLOYED | {"test": "failure"}, "", False),
        (TESTED | DEPLOYED | {"production": "failure"}, "registry.example.org", False),
    ],
)
def test_a_tag_is_released_once_it_runs_in_production_or_without_a_registry_once_it_is_tested(
    results: dict[str, str], registry: str, released: bool
) -> None:
    job = CI_CD["jobs"]["release"]

    assert set(re.findall(r"needs\.(\w+)\.result", job["if"])) <= set(job["needs"])
    assert evaluate(job["if"], results, registry) is released


def evaluate(expression: str, results: dict[str, str], registry: str = "") -> object:
    """Evaluate an expression as GitHub does in a tag's run that nobody has cancelled."""
    python = expression.replace("\n", " ").replace("&&", " and ").replace("||", " or ")
    python = python.replace("!cancelled()", "True").replace("github.ref_type", "'tag'")
    python = python.replace("vars.REGISTRY", repr(registry))
    python = re.sub(r"contains\(needs\.\*\.result, ('\w+')\)", rf"(\1 in {list(results.values())})", python)
    python = re.sub(r"needs\.(\w+)\.result", lambda found: repr(results[found[1]]), python)
    return eval(python)


def test_a_tag_that_cannot_become_a_release_is_not_deployed() -> None:
    early = [step for step in CI_CD["jobs"]["check"]["steps"] if step.get("run") == "make release-files"]

    assert [step["if"] for step in early] == ["github.ref_type == 'tag'"]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (TESTED | DEPLOYED | {"release": "success"}, "released"),
        (TESTED | NOT_DEPLOYED | {"release": "success"}, "released"),
        (TESTED | NOT_DEPLOYED | {"images": "failure", "release": "skipped"}, "failed"),
        (TESTED | DEPLOYED | {"release": "failure"}, "failed"),
        (TESTED | NOT_DEPLOYED | {"release": "skipped"}, "not released"),
        (TESTED | NOT_DEPLOYED | {"development": "cancelled", "release": "skipped"}, "not released"),
    ],
)
def test_what_is_told_of_a_tag_is_what_became_of_it(results: dict[str, str], said: str) -> None:
    text = CI_CD["jobs"]["notify"]["steps"][-1]["env"]["TEXT"]
    [expression] = re.findall(r"\$\{\{ (needs.+?) \}\}", text)

    assert evaluate(expression, results) == said


def test_images_go_to_the_registry_that_was_named_and_no_other_and_not_from_a_pull_request() -> None:
    images = CI_CD["jobs"]["images"]
    [login] = [step for step in images["steps"] if step.get("uses", "").startswith("docker/login-action@")]

    assert images["if"] == "github.event_name == 'push' && vars.REGISTRY != ''"
    assert login["with"] == {
        "registry": "${{ vars.REGISTRY }}",
        "username": "${{ vars.REGISTRY_USER }}",
        "password": "${{ secrets.REGISTRY_PASSWORD }}",
    }


def test_every_python_that_is_promised_is_tested() -> None:
    assert CI_CD["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.10", "3.11", "3.12", "3.13"]


SOME = f"""# Changelog

## {__version__}.1 — 2026-12-02

- Not this.

## {__version__} — 2026-12-01

First version.

- Counts.

## 0.9.0 — 2026-11-01

- Older.
"""


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert release_notes(SOME, __version__) == "First version.\n\n- Counts."


@pytest.mark.parametrize(
    ("changelog", "reason"),
    [
        (SOME.replace(f"## {__version__} —", "## 0.1.0 —"), "no section"),
        (SOME.replace("2026-12-01", "unreleased"), "unreleased"),
        (SOME.replace("First version.\n\n- Counts.\n", ""), "says nothing"),
    ],
)
def test_a_release_without_notes_or_a_date_is_none(changelog: str, reason: str) -> None:
    with pytest.raises(SystemExit, match=reason):
        release_notes(changelog, __version__)


def test_the_changelog_begins_with_the_version_of_the_code() -> None:
    first = re.search(r"^## (\S+)", CHANGELOG.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert first is not None
    assert first[1] == __version__


def test_a_tag_of_another_version_is_refused() -> None:
    ran = run("tools.release_notes", "v0.0.1")

    assert ran.returncode == 1
    assert ran.stderr.strip() == f"The tag is v0.0.1, the code is {__version__}."


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(404 if self.path == "/gone" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_message_reaches_the_web_hook_and_its_refusal_does_not_tell_the_address() -> None:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.heard = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        told = run("tools.notify", 'v1.2.3: "released"', NOTIFY_URL=f"{url}/hook")
        refused = run("tools.notify", "again", NOTIFY_URL=f"{url}/gone")
    finally:
        server.shutdown()
        server.server_close()
    away = run("tools.notify", "nobody", NOTIFY_URL=f"{url}/hook")

    assert (told.returncode, refused.returncode, away.returncode) == (0, 1, 1)
    assert server.heard[0] == {"text": 'v1.2.3: "released"'}  # type: ignore[attr-defined]
    assert "404" in refused.stderr
    assert "ConnectionError" in away.stderr
    assert str(server.server_port) not in refused.stderr + away.stderr


def test_without_a_web_hook_nobody_is_told_and_that_is_said() -> None:
    ran = run("tools.notify", "text", NOTIFY_URL="")

    assert (ran.returncode, ran.stdout.strip()) == (0, "NOTIFY_URL is not set: nobody is told.")


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
