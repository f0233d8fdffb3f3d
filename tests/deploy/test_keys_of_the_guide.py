"""Keys that the guide makes for a trial end with it."""

from __future__ import annotations

import re

from tests.deploy.conftest import ROOT
from tests.guide import blocks


def test_each_key_for_a_load_or_a_simulation_is_revoked_before_the_next_is_made() -> None:
    text = "\n".join(one.text for one in blocks(ROOT / "PRODUCTION_DEPLOYMENT.md") if one.language == "bash")
    [load] = re.findall(r"^export FACTORY_API_KEY$.*", text, flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r'factory key (add|revoke "\$FACTORY_API_KEY")', load) == ["add", 'revoke "$FACTORY_API_KEY"'] * 3
