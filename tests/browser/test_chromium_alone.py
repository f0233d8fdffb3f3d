"""The browser of the tests does not see networks come and go, so that containers may start beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from ctypes.util import find_library

import pytest
from tests.browser.conftest import ALONE


@pytest.mark.parametrize(("family", "refused"), [("AF_NETLINK", True), ("AF_INET", False)])
def test_the_kernel_refuses_the_socket_that_tells_of_networks_and_no_other(family: str, refused: bool) -> None:
    if find_library("seccomp") is None:
        pytest.skip("libseccomp is not installed (Debian: apt-get install libseccomp2)")
    program = f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM)"

    done = subprocess.run(
        [ALONE, "-c", program], env={**os.environ, "CHROMIUM": sys.executable}, capture_output=True, text=True
    )

    assert (done.returncode != 0) == refused, done.stderr
    assert ("Address family not supported" in done.stderr) == refused
