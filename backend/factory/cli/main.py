"""The command line: registers every command; `factory --help` lists them."""

from typing import Any

import click

from factory import __version__
from factory.cli.audit import audit
from factory.cli.db import db
from factory.cli.key import key
from factory.cli.organisation import organisation
from factory.cli.person import person
from factory.cli.retain import retain
from factory.cli.seed import seed
from factory.cli.serve import serve
from factory.cli.simulate import simulate
from factory.cli.transfer import export, import_
from factory.cli.user import user
from factory.cli.verify import rebuild, verify
from factory.domain.errors import FactoryError
from factory.settings import SettingsError


class Commands(click.Group):
    """Group that turns the product's errors into a message and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException("\n".join(["the settings are not usable:", *error.problems])) from error
        except FactoryError as error:
            details = [f"{one['field']}: {one['message']}" for one in error.errors]
            raise click.ClickException("\n".join([error.message, *details])) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="factory")
def main() -> None:
    """Serve and operate factory productivity metrics from camera and sensor events.

    Settings come from environment variables; .env.example lists them all.
    """


for command in (serve, db, seed, simulate, import_, export, verify, rebuild, retain, key, person, audit):
    main.add_command(command)
for group in (user, organisation):
    main.add_command(group)


if __name__ == "__main__":
    main(prog_name="factory")
