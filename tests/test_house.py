"""The documents are true of the code: options, tasks, commands, routes, links and locks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml
from flask import Flask
from tests.guide import blocks
from tools.composition import MEANINGS, defaults, profiles
from tools.env_example import EXAMPLE, PROFILES, example
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from factory import __version__
from factory.cli.main import main
from factory.settings import declared_options, load_settings
from factory.store.access_schema import metadata

ROOT = Path(__file__).resolve().parents[1]
OPERATIONS = sorted((ROOT / "docs" / "operations").glob("*.md"))
# Made on the operator's machine; the secrets in the first are those of the composition.
PAGES = sorted((ROOT / "docs").glob("*.md"))
MADE_LATER = {"deploy/secrets", "deploy/certs", "deploy/acme"}
DOCUMENTS = sorted(ROOT.glob("*.md"))  # the specification in docs/ may be ahead of the code
# Names in capitals that the documents use and the server does not read.
OTHER_VARIABLES = {
    "ARGS",
    "CI",
    "COMPOSE_PROFILES",
    "DATABASE_URL_FILE",
    "DEPLOY_DIRECTORY",
    "DEPLOY_TARGET",
    "ENV_FILE",
    "FACTORY_API_KEY",
    "FACTORY_AUDIT_OFFLINE",
    "FACTORY_TEST_NO_SKIP",
    "FACTORY_TEST_POSTGRES_URL",
    "HYPOTHESIS_PROFILE",
    "IMAGE_PREFIX",
    "JOBS",
    "NAME_FILE",
    "NOTIFY_URL",
    "PATIENCE_SECONDS",
    "PYTHON",
    "REGISTRY",
    "REGISTRY_PASSWORD",
    "REGISTRY_USER",
    "RELEASE",
    "RESTIC_REPOSITORY",
    "SAFETY_API_KEY",
    "SERVICE_URL",
    "SOAK_MINUTES",
    "SSH_KEY",
    "SSH_KNOWN_HOSTS",
}
ROUTE = re.compile(r"`((?:GET|POST|PATCH|DELETE)(?: (?:GET|POST|PATCH|DELETE))*) (/[^`\s?]*)")


def text_of(documents: list[Path]) -> str:
    return "\n".join(document.read_text(encoding="utf-8") for document in documents)


def make_targets() -> dict[str, bool]:
    """Every task of the Makefile, and whether `make help` lists it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z][a-z-]*):(?!=)([^\n]*)$", makefile, flags=re.MULTILINE)
    return {name: "## " in rest for name, rest in found}


def test_the_example_environment_is_what_the_declared_options_make() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example(), "run make env-example"


def test_the_example_environment_names_every_option_once_and_nothing_else() -> None:
    options, _, _ = EXAMPLE.read_text(encoding="utf-8").partition("# --- Composition")

    assert sorted(variables_in(options)) == sorted(option.name for option in declared_options().values())


def test_the_example_environment_names_every_variable_of_the_composition_once_and_nothing_else() -> None:
    _, _, rest = EXAMPLE.read_text(encoding="utf-8").partition("# --- Composition")
    section, _, _ = rest.partition("# --- Example: ")
    composition = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    read = set(re.findall(r"(?<!\$)\$\{?([A-Z][A-Z0-9_]*)", composition))
    options = {option.name for option in declared_options().values()}

    assert read == defaults().keys(), "a variable of docker-compose.yml has a default there"
    assert sorted(variables_in(section)) == sorted([*(read - options), "COMPOSE_PROFILES"])
    assert MEANINGS.keys() == read - options
    assert set(profiles()) == {"tls", "pooler", "backup", "monitoring", "logging"}


def variables_in(text: str) -> list[str]:
    return re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", text, flags=re.MULTILINE)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_example_of_a_profile_starts_a_server(profile: str, tmp_path: Path) -> None:
    environment = {"ENVIRONMENT": profile, **PROFILES[profile][1]}
    secrets = {
        "DATABASE_URL_FILE": "postgresql://factory:secret@db/factory?sslmode=require",
        "SECRET_KEY_FILE": "an example of a secret key, long enough to sign with",
        "METRICS_TOKEN_FILE": "a token for Prometheus",
        "RATE_LIMIT_STORAGE_URL_FILE": "rediss://:secret@redis:6379/0",
    }
    for name in environment.keys() & secrets.keys():
        (tmp_path / name).write_text(secrets[name])
        environment[name] = str(tmp_path / name)

    assert load_settings(environment).environment == profile


def test_the_example_environment_can_be_read_by_a_shell() -> None:
    script = 'set -eu; . ./.env.example; echo "$DATABASE_URL"'
    answer = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == declared_options()["database_url"].default


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_documented_option_is_declared(document: Path) -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", text_of([document])))

    assert named <= {option.name for option in declared_options().values()} | MEANINGS.keys() | OTHER_VARIABLES


def test_a_documented_task_is_in_the_makefile() -> None:
    named = set(re.findall(r"(?:`|^|\$ )make ([a-z][a-z-]*)", text_of(DOCUMENTS), flags=re.MULTILINE))

    assert {"run", "test", "check"} <= named <= set(make_targets())


def test_help_lists_every_task_but_the_steps_of_check() -> None:
    assert {name for name, listed in make_targets().items() if not listed} == {"lint", "types", "imports"}


def test_a_documented_command_exists_and_takes_the_documented_options() -> None:
    lines = re.findall(r"(?:`|^|\$ )factory ([a-z][^`\n#]*)", text_of(DOCUMENTS), flags=re.MULTILINE)
    assert lines

    for line in lines:
        command: click.Command = main
        for word in line.split():
            if isinstance(command, click.Group):
                found = command.commands.get(word)
                assert found is not None, f"factory {line}: there is no command {word}"
                command = found
            elif word.startswith("--"):
                options = {name for one in command.params for name in one.opts}
                assert word.split("=")[0] in options | {"--help"}, f"factory {line}: there is no option {word}"


def test_every_command_is_documented() -> None:
    readme = text_of([ROOT / "README.md"])

    assert {name for name in main.commands if f"factory {name}" not in readme} == set()


def test_a_documented_route_exists_with_its_methods(app: Flask) -> None:
    urls = app.url_map.bind("localhost")
    documented = [
        (method, path.replace("/api/v1", ""))
        for methods, path in ROUTE.findall(text_of(DOCUMENTS))
        for method in methods.split()
    ]
    assert documented

    for method, path in documented:
        target = path if path in ("/", "/metrics", "/docs") else "/api/v1" + path
        try:
            rule, _ = urls.match(re.sub(r"\{[^}]*\}", "x", target), method=method, return_rule=True)
        except RequestRedirect:
            continue
        except (NotFound, MethodNotAllowed) as error:
            raise AssertionError(f"{method} {target}: {error.name}") from None
        assert target == "/" or not rule.rule.startswith("/<"), f"{method} {target} is no route of its own"


def test_every_route_is_documented(app: Flask) -> None:
    documented = {
        (method, shape_of(path))
        for methods, path in ROUTE.findall(text_of([ROOT / "README.md"]))
        for method in methods.split()
    }
    served = {
        (method, shape_of(rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST", "PATCH", "PUT", "DELETE"}
        if rule.rule.startswith("/api/v1/") and not re.search(r"swagger|openapi|docs|static|<path:", rule.rule)
    }

    assert served - documented == set()


def shape_of(path: str) -> str:
    return re.sub(r"[<{][^>}]*[>}]", "{}", path).rstrip("/")


@pytest.mark.parametrize("document", OPERATIONS, ids=lambda document: document.name)
def test_a_link_of_a_page_for_operators_leads_somewhere(document: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text_of([document])) if "://" not in link]

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *PAGES], ids=lambda document: document.name)
def test_a_link_or_file_named_in_a_document_is_there(document: Path) -> None:
    text = text_of([document])
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    files = re.findall(r"`((?:backend|tests|frontend|deploy|benchmarks)/[\w./-]+)`", text)
    modules = re.findall(r"`((?:api|cli|operations|store|adapters|domain)/[\w./-]+\.py)`", text)

    missing = [name for name in files if not is_there(name)]
    missing += [link for link in links if not (document.parent / link).exists()]
    missing += [name for name in modules if not (ROOT / "backend" / "factory" / name).exists()]
    assert missing == []


SHELL_DOCUMENTS = [ROOT / "PRODUCTION_DEPLOYMENT.md", ROOT / "docs" / "RUNBOOKS.md", *OPERATIONS]


@pytest.mark.parametrize("document", SHELL_DOCUMENTS, ids=lambda document: document.name)
def test_what_the_shell_blocks_of_a_document_call_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    shell = "\n".join(block.text for block in blocks(document)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
    scripts = set(re.findall(r"(?<![\w./-])(deploy/[\w./-]+)", shell))
    tasks = set(re.findall(r"(?:^|[$;&] ?)make ([a-z][a-z-]*)", shell, flags=re.MULTILINE))
    commands = re.findall(r"(?:^|\$ |backend |--user factory )factory ((?:[a-z][a-z-]+ ?)+)", shell, re.MULTILINE)

    assert {name for name in scripts if not is_there(name)} == set()
    assert tasks <= set(make_targets())
    assert [line for line in commands if not exists(*line.split())] == []


def is_there(name: str) -> bool:
    """Return whether the repository has a file or directory of this name, or an operator gets it on the way."""
    if name.startswith("deploy/secrets/"):
        composition = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
        return f"./{name}" in {secret["file"] for secret in composition["secrets"].values()}
    return name in MADE_LATER or (ROOT / name).exists()


def exists(name: str, *words: str) -> bool:
    """Return whether the first word is a command, and the second one of its own where it has such."""
    command = main.commands.get(name)
    return words[0] in command.commands if isinstance(command, click.Group) else command is not None


def test_a_block_of_the_guide_is_run_somewhere_or_says_why_not() -> None:
    found = blocks(ROOT / "PRODUCTION_DEPLOYMENT.md")

    assert {block.place for block in found if block.language == "bash"} == {"host", "sqlite", "stack"}
    assert [block.line for block in found if block.language == "console" and not block.reason] == []
    assert {block.language for block in found} == {"bash", "console"}


@pytest.mark.parametrize("lock", ["backend/requirements.txt", "requirements-dev.txt"])
def test_a_lock_pins_every_package_with_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    packages = re.split(r"\n(?=\S)", text.strip())

    assert [one for one in packages if "==" not in one.split()[0] or "--hash=sha256:" not in one] == []
    assert "://" not in text


def test_the_image_gets_the_versions_that_are_tested() -> None:
    def versions(lock: str) -> set[tuple[str, str]]:
        text = (ROOT / lock).read_text(encoding="utf-8")
        return set(re.findall(r"^([\w.-]+)(?:\[.*\])?==([\w.]+)", text, flags=re.MULTILINE))

    assert versions("backend/requirements.txt") <= versions("requirements-dev.txt")


def test_the_version_is_in_the_changelog() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_module_has_outgrown_a_reader() -> None:
    modules = (ROOT / "backend").rglob("*.py")
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}

    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}


def test_the_picture_of_the_data_has_every_table() -> None:
    [picture] = re.findall(r"```mermaid\nerDiagram\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.DOTALL)
    drawn = {word for line in picture.splitlines() for word in re.findall(r"\b[a-z_]+\b", line.split(":")[0])}
    apart = {"derivation_lock", "sign_in_failures", "events_first", "events_beside"}

    assert drawn >= set(metadata.tables) - apart
    assert drawn - set(metadata.tables) <= {"o"}
