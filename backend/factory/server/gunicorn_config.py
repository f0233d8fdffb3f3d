"""Configuration of gunicorn: `--config python:factory.server.gunicorn_config "factory.app:create_app()"`.

`factory serve` runs that command. The names are gunicorn's; the values come from the settings.
"""

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from factory.adapters.clock import system_clock
from factory.adapters.observe.logging_setup import JsonFormatter, TextFormatter
from factory.adapters.observe.series_directory import make_series_directory
from factory.domain.timestamp import format_timestamp
from factory.server.gunicorn_worker import SPARE_THREADS
from factory.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

try:
    _settings = load_settings(os.environ)
except SettingsError as error:
    sys.exit(f"The settings are not usable:\n{error}")

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
worker_class = "factory.server.gunicorn_worker.DeadlineWorker"
workers = _settings.web_workers
threads = _settings.max_requests_in_flight + SPARE_THREADS
keepalive = 30
graceful_timeout = 30
limit_request_line = 8190  # the maximum: a timeline may name two hundred ids
loglevel = _settings.log_level.lower()
# TRUSTED_PROXIES decides whether the client used TLS; gunicorn would trust every process of this machine.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
# The application itself writes one line per request.
accesslog = None
logger_class = "factory.server.gunicorn_worker.ServerLogger"
# gunicorn's own lines in the same format as all others.
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"own": {"()": JsonFormatter if _settings.logs_as_json else TextFormatter}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "own"}},
    "root": {"level": _settings.log_level, "handlers": []},
    "loggers": {"gunicorn.error": {"level": _settings.log_level, "handlers": ["stderr"], "propagate": False}},
}
# Two servers of one user would use the same socket.
control_socket_disable = True
# With the heartbeat file on a slow disk, a busy worker would be killed as dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nosec B108

_own_series: Path | None = None


def on_starting(server: "Arbiter") -> None:
    """Set the variables that the worker processes inherit: the start of their clock, and the directory of their series.

    prometheus_client reads its variable when it is imported, so only the workers may import it.
    """
    global _own_series
    if _settings.clock_at is not None and _settings.clock_since is None:
        os.environ["CLOCK_SINCE"] = format_timestamp(system_clock())
    if not _settings.metrics_enabled:
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    elif _settings.prometheus_multiproc_dir is None:
        _own_series = make_series_directory()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_own_series)
    else:
        _forget_series(Path(_settings.prometheus_multiproc_dir))


def _forget_series(directory: Path) -> None:
    """Remove the series of an earlier run: a new process may get the number of an old one."""
    directory.mkdir(parents=True, exist_ok=True)
    for series in directory.glob("*.db"):
        series.unlink(missing_ok=True)


def child_exit(server: "Arbiter", worker: "Worker") -> None:
    """Drop the gauges of a worker process that ended; its counters stay in the sums."""
    if _settings.metrics_enabled:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: "Arbiter") -> None:
    if _own_series is not None:
        shutil.rmtree(_own_series, ignore_errors=True)


def post_worker_init(worker: "Worker") -> None:
    """Shorten the switch interval, so that the committing thread runs soon, and freeze the objects made so far."""
    sys.setswitchinterval(0.0005)
    # The objects made so far stay; the garbage collector need not visit them again.
    gc.collect()
    gc.freeze()
