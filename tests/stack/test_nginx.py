"""The container of NGINX by itself, before backends that answer everything: what it survives, and when it says no."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from tests.servers import free_port, http_request
from tests.stack.conftest import ROOT, docker, is_here, make_certificate, run

PYTHON = "python:3.12-slim-bookworm"
BACKEND = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
Server(("", 5000), Handler).serve_forever()
"""
UPLOADS = 20
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def image(images: dict[str, str]) -> str:
    if not is_here(PYTHON):
        pytest.skip(f"the container image {PYTHON} is not here and cannot be pulled")
    return images["frontend"]


class Site:
    """NGINX with the limits of docker-compose.yml, and backends that come and go."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.name = f"factorynginx{uuid4().hex[:6]}"
        self.port = free_port()
        self.backends: list[str] = []
        docker("network", "create", self.name)

    def options(self) -> list[str]:
        service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["nginx"]
        options = ["--network", self.name, "--cap-drop", "ALL", "--read-only"]
        options += ["--memory", service["deploy"]["resources"]["limits"]["memory"]]
        for place in service["tmpfs"]:
            options += ["--tmpfs", place]
        for volume in service.get("volumes", []):
            options += ["--volume", f"{self.name}{volume}"]
        return options

    def start(self) -> None:
        docker(
            "run",
            "--detach",
            "--name",
            self.name,
            "--publish",
            f"127.0.0.1:{self.port}:8080",
            *self.options(),
            self.image,
        )
        self.wait_until_asked(self.backends)

    def add_backend(self) -> str:
        """Start a backend and return its address."""
        name = f"{self.name}-{len(self.backends)}"
        options = ["--detach", "--name", name, "--network", self.name, "--network-alias", "backend"]
        docker("run", *options, "--entrypoint", "python", PYTHON, "-c", BACKEND)
        self.backends.append(
            docker("inspect", "--format", f'{{{{(index .NetworkSettings.Networks "{self.name}").IPAddress}}}}', name)
        )
        return self.backends[-1]

    def execute(self, *command: str) -> str:
        return docker("exec", self.name, *command)

    def asked(self) -> list[str]:
        """Return the backends that NGINX sends requests to."""
        return [one.removesuffix(":5000") for one in docker("exec", self.name, "backends", "list", check=False).split()]

    def wait_until_asked(self, backends: list[str]) -> None:
        deadline = time.monotonic() + 180
        while self.asked() != sorted(backends):
            assert time.monotonic() < deadline, f"{self.asked()} are asked, not {backends}"
            time.sleep(0.2)

    def close(self) -> None:
        for number in range(len(self.backends)):
            docker("rm", "--force", f"{self.name}-{number}", check=False)
        docker("rm", "--force", self.name, check=False)
        docker("volume", "rm", "--force", f"{self.name}nginx", check=False)
        docker("network", "rm", self.name, check=False)


@pytest.fixture
def site(image: str) -> Iterator[Site]:
    running = Site(image)
    try:
        running.add_backend()
        yield running
    finally:
        running.close()


def upload_slowly(port: int, statuses: list[str]) -> None:
    """Send a body of 15 MiB, whose end comes when all others' have come so far."""
    body = b" " * MEBIBYTE
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"POST /api/v1/events/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (15 * MEBIBYTE))
        for part in range(15):
            time.sleep(0.3 if part < 14 else 3)
            client.sendall(body)
        statuses.append(client.recv(100).split(b" ")[1].decode())


def test_twenty_slow_uploads_leave_nginx_alive_and_others_served(site: Site) -> None:
    site.start()
    statuses: list[str] = []
    threads = [threading.Thread(target=upload_slowly, args=(site.port, statuses)) for _ in range(UPLOADS)]
    for thread in threads:
        thread.start()
    others: Counter[int] = Counter()
    while any(thread.is_alive() for thread in threads):
        others[http_request("127.0.0.1", site.port, "GET", "/api/v1/workers/").status] += 1
        time.sleep(0.2)

    assert Counter(statuses) == {"200": UPLOADS}
    assert set(others) == {200}
    assert others[200] > 10
    assert docker("inspect", "--format", "{{.State.Running}} {{.RestartCount}}", site.name) == "true 0"


def test_a_list_of_backends_that_nginx_could_not_read_is_read_when_it_can(site: Site) -> None:
    site.start()
    site.execute("sh", "-c", "echo nonsense >/tmp/nginx/broken.conf")
    first, second = site.backends[0], site.add_backend()
    deadline = time.monotonic() + 180
    while second not in site.execute("cat", "/tmp/nginx/backends.conf"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(2)  # in which NGINX was told of it

    assert site.asked() == [first]
    site.execute("rm", "/tmp/nginx/broken.conf")
    site.wait_until_asked([first, second])


def test_a_backend_is_drained_when_the_command_returns_and_it_fails_where_nginx_does_not_listen(site: Site) -> None:
    first, second = site.backends[0], site.add_backend()
    site.start()

    site.execute("backends", "drain", first)
    assert site.asked() == [second]
    site.execute("backends", "drain", second)
    assert site.asked() == [first]
    site.execute("backends", "drain")
    assert site.asked() == sorted([first, second])

    site.execute("sh", "-c", "echo nonsense >/tmp/nginx/broken.conf")
    with pytest.raises(AssertionError, match="NGINX has not read its backends anew"):
        site.execute("backends", "drain", first)
    assert site.asked() == sorted([first, second])


@pytest.mark.parametrize("hidden", ["fullchain.pem", "privkey.pem", "."])
def test_a_certificate_that_cannot_be_read_is_no_reason_to_go_without_tls(
    site: Site, tmp_path: Path, hidden: str
) -> None:
    make_certificate(tmp_path)
    (tmp_path / hidden).chmod(0o700 if hidden == "." else 0o600)
    mount = ["--volume", f"{tmp_path}:/etc/nginx/certs:ro"]
    docker("run", "--detach", "--name", site.name, *site.options(), *mount, site.image)

    assert run(["timeout", "30", "docker", "wait", site.name], dict(os.environ)) == "1\n"
    said = subprocess.run(["docker", "logs", site.name], capture_output=True, text=True, check=True).stderr
    assert re.search(r"/etc/nginx/certs\S* cannot be", said)


HOST = """
cat >/usr/local/bin/systemctl <<'SYSTEMCTL'
#!/bin/sh
asked() { curl --silent http://127.0.0.1:8081/nginx/backends; }
case $1 in
  reload-or-restart) if [ -s /run/nginx.pid ]; then nginx -s reload; else nginx 9>&-; fi ;;
  restart)
    echo "$2 ends while $(asked) is asked" >>/restarts
    sleep 1
    echo "$2 begins while $(asked) is asked" >>/restarts ;;
esac
SYSTEMCTL
chmod +x /usr/local/bin/systemctl
rm -f /var/log/nginx/*  # where the image has links to its standard output
mkdir -p /etc/factory /opt/factory/current /var/lib/nginx
cp -r /source/deploy /source/frontend /opt/factory/current
cp /source/deploy/host/nginx.env /etc/factory
host=/opt/factory/current/deploy/host
configured() { find /etc/nginx -type f -exec sha256sum {} + | sort; }
"""
"""On a host it is systemd that starts NGINX and lets it read its configuration, and restarts the servers."""


def on_a_host(image: str, commands: str, *options: str) -> str:
    """Return what the commands say on a host of NGINX's with a release in its place."""
    mounts = [option for name in ("deploy", "frontend") for option in ("--volume", f"{ROOT / name}:/source/{name}:ro")]
    host = ["--user", "root", "--entrypoint", "bash", *mounts, *options, image]
    return docker("run", "--rm", *host, "-euc", HOST + commands)


REFUSED = """
$host/configure-nginx
curl --fail --silent http://127.0.0.1:8081/nginx/backends
curl --fail --silent --output /dev/null http://127.0.0.1/
configured >/before
echo NGINX_RATE_READ=nonsense >>/etc/factory/nginx.env
if $host/configure-nginx; then exit 9; fi
configured | cmp /before -
nginx -q -t
sed -i '$d' /etc/factory/nginx.env
$host/configure-nginx 5002
curl --fail --silent http://127.0.0.1:8081/nginx/backends
find /etc/nginx -name backends.conf | wc -l
"""


def test_a_configuration_that_nginx_refuses_is_not_written_on_a_host(image: str) -> None:
    said = on_a_host(image, REFUSED)

    assert said == "127.0.0.1:5001 127.0.0.1:5002127.0.0.1:50021"


FULL = """
echo 'types {}' >/etc/nginx/mime.types
$host/configure-nginx
configured >/before
echo "NGINX_TRUSTED_PROXIES='$(printf '10.0.0.%s ' {1..200})'" >>/etc/factory/nginx.env
cat /dev/zero >/etc/nginx/rest || true
if $host/configure-nginx; then exit 9; fi
rm /etc/nginx/rest
configured | cmp /before -
nginx -q -t
curl --fail --silent http://127.0.0.1:8081/nginx/backends
"""


def test_a_full_disk_leaves_nginx_of_a_host_the_configuration_that_it_has(image: str) -> None:
    said = on_a_host(image, FULL, "--tmpfs", "/etc/nginx:size=512k")

    assert said == "127.0.0.1:5001 127.0.0.1:5002"


AT_ONCE = """
servers='listen 127.0.0.1:5001; listen 127.0.0.1:5002; return 200;'
echo "pid /run/servers.pid; events {} http { access_log off; server { $servers } }" >/servers.conf
nginx -c /servers.conf
$host/configure-nginx
$host/rolling-restart >/dev/null & first=$!
$host/rolling-restart >/dev/null & second=$!
until [ -s /restarts ]; do sleep 0.1; done
$host/configure-nginx
wait $first
wait $second
cat /restarts
curl --fail --silent http://127.0.0.1:8081/nginx/backends
"""


def test_restarts_and_certbots_hook_at_once_wait_for_each_other_so_that_a_server_always_answers(image: str) -> None:
    *restarts, in_the_end = on_a_host(image, AT_ONCE).splitlines()

    one_by_one = [
        f"factory@{one} {does} while 127.0.0.1:{other} is asked"
        for one, other in ((5001, 5002), (5002, 5001))
        for does in ("ends", "begins")
    ]
    assert restarts == one_by_one * 2
    assert in_the_end == "127.0.0.1:5001 127.0.0.1:5002"
