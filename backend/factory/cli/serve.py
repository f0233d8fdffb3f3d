"""`factory serve`: start the server."""

import os
import sys

import click

from factory.settings import load_settings

_OPEN = """
  Access is open: everybody on this machine sees and changes everything, without signing in.
  http://localhost:{port} answers on this machine only. ACCESS=required requires credentials;
  `make run-secure` shows that.
"""


@click.command()
@click.option("--host", help="Address to listen on, instead of HOST.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on, instead of PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Serve the page, the API and its documentation until stopped.

    This process becomes gunicorn's, so that it gets signals directly: SIGTERM lets running
    requests finish, SIGHUP restarts the server processes one after the other.
    """
    if host is not None:
        os.environ["HOST"] = host
    if port is not None:
        os.environ["PORT"] = str(port)
    settings = load_settings(os.environ)
    if settings.database_is_in_memory and settings.web_workers > 1:
        raise click.ClickException(
            "DATABASE_URL is an in-memory database, which only one server process can see: set WEB_WORKERS=1."
        )
    if settings.access_is_open:
        click.echo(_OPEN.format(port=settings.port), err=True)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:factory.server.gunicorn_config"]
    os.execv(sys.executable, [*gunicorn, "factory.app:create_app()"])  # nosec B606
