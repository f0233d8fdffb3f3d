"""Passwords as they are stored."""

from __future__ import annotations

from factory.adapters.access.password_hashes import PasswordHashes


def test_a_hash_has_the_parameters_of_rfc_9106_for_little_memory() -> None:
    hashes = PasswordHashes()
    stored = hashes.hash("a long sentence that only I know")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hashes.verify(stored, "a long sentence that only I know")
    assert not hashes.verify(stored, "another")
    assert not hashes.is_outdated(stored)
