"""`make run-secure`: the signed-in product with sample data, a user of each role and a key, on this machine only."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
from pathlib import Path

ROLES = ("wall", "viewer", "supervisor", "manager", "admin")


def main() -> None:
    """Make what is missing, then serve."""
    parser = argparse.ArgumentParser(prog="python -m tools.run_secure")
    parser.add_argument("--directory", type=Path, default=Path("var"), help="where the secret and the database lie")
    directory: Path = parser.parse_args().directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    database = directory / "secure.db"
    environment = {
        **{name: value for name, value in os.environ.items() if name != "SECRET_KEY"},
        "ACCESS": "required",
        "HOST": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY_FILE": str(secret_key(directory / "secret_key")),
    }
    if not database.exists():
        try:
            set_up(environment)
        except BaseException:  # half an installation would never tell the passwords
            for file in directory.glob("secure.db*"):
                file.unlink()
            raise
    say(
        f"\nAccess is required: sign in at http://localhost:{environment.get('PORT') or 5000}\n"
        f"To begin anew, with new passwords: rm {database}*\n"
    )
    os.execve(sys.executable, [sys.executable, "-m", "factory.cli.main", "serve"], environment)


def secret_key(file: Path) -> Path:
    """Return the file with the installation's secret, readable by its owner only; made once."""
    if not file.exists():
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_urlsafe(48) + "\n")
    return file


def set_up(environment: dict[str, str]) -> None:
    """Make a database with the sample data; the first passwords and the key are printed, and kept nowhere."""
    factory(environment, "db", "upgrade")
    factory(environment, "seed", "--if-empty")
    say("\nThe first passwords, told this once; each has to be changed at the first sign-in:\n")
    for role in ROLES:
        tell_user(environment, role, "--role", role)
    tell_user(environment, "operator", "--operator")
    key = factory(environment, "key", "add", "--name", "Simulated cameras", "--scope", "ingest")
    say(f"\nA key that may send events, told this once:\n\n  FACTORY_API_KEY={key} factory simulate")


def tell_user(environment: dict[str, str], name: str, *options: str) -> None:
    email = f"{name}@example.org"
    password = factory(environment, "user", "add", "--email", email, "--name", name.capitalize(), *options)
    say(f"  {email:<24} {password}")


def factory(environment: dict[str, str], *arguments: str) -> str:
    """Return the output of a command; raises CalledProcessError where it fails, with its reason on the terminal."""
    command = [sys.executable, "-m", "factory.cli.main", *arguments]
    quiet = None if arguments[0] in ("db", "seed") else subprocess.PIPE
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=quiet, text=True, check=False)
    if ran.returncode:
        say(ran.stderr or ran.stdout)
        ran.check_returncode()
    return ran.stdout.strip()


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
