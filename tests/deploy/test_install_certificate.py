"""deploy/install-certificate: a good certificate is replaced by a good one alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.deploy.conftest import Host


def make_certificate(directory: Path) -> Path:
    directory.mkdir()
    request = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", "privkey.pem", "-out", "fullchain.pem")
    openssl(directory, *request, *files, "-subj", "/CN=localhost")
    return directory


def let_it_have_ended(directory: Path) -> None:
    sign = ("-in", "fullchain.pem", "-signkey", "privkey.pem", "-days", "-1")
    openssl(directory, "x509", *sign, "-out", "ended.pem")
    (directory / "ended.pem").replace(directory / "fullchain.pem")


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, check=True)


def contents(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir()}


@pytest.fixture
def served(host: Host) -> Path:
    """Return the directory from which NGINX has its certificate."""
    return make_certificate(host.home / "certs")


@pytest.fixture
def renewed(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "renewed")


def test_a_renewed_certificate_is_put_in_place_and_nothing_beside_it(host: Host, served: Path, renewed: Path) -> None:
    status, said = host.run("deploy/install-certificate", RENEWED_LINEAGE=str(renewed))

    assert status == 0, said
    assert contents(served) == contents(renewed)
    assert "nginx -s reload" in host.calls()


@pytest.mark.parametrize("fault", ["key of another", "ended", "no certificate"])
def test_a_bad_certificate_is_not_put_in_place(host: Host, served: Path, tmp_path: Path, fault: str) -> None:
    before = contents(served)
    bad = make_certificate(tmp_path / "bad")
    if fault == "ended":
        let_it_have_ended(bad)
    if fault == "key of another":
        other = make_certificate(tmp_path / "other")
        (other / "privkey.pem").replace(bad / "privkey.pem")
    if fault == "no certificate":
        (bad / "fullchain.pem").write_text("")

    status, said = host.run("deploy/install-certificate", RENEWED_LINEAGE=str(bad))

    assert status == 1
    assert str(bad) in said
    assert contents(served) == before
    assert "reload" not in host.calls()


def test_the_certificate_before_comes_back_where_nginx_refuses_the_new_one(
    host: Host, served: Path, renewed: Path
) -> None:
    before = contents(served)
    (host.home / "refuse").touch()

    status, said = host.run("deploy/install-certificate", RENEWED_LINEAGE=str(renewed))

    assert status == 1
    assert "the one before" in said
    assert contents(served) == before
