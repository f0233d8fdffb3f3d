"""E-mail addresses as users are found by."""

from __future__ import annotations


def lower_address(email: str) -> str:
    """Return an address in lower case, without spaces around it.

    A letter that has no way back stays: the Kelvin sign would become a k, and with it the address of somebody else.
    """
    return "".join(one.lower() if one.lower().upper() == one else one for one in email.strip())
