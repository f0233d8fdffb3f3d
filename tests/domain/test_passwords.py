"""The rule for passwords: what a guesser tries early is refused, whoever the person is."""

from __future__ import annotations

import pytest

from factory.domain.access.passwords import MAX_LENGTH, fault_of_password

EMAIL, NAME, ORGANISATION = "grace.hopper@navy.example", "Grace Hopper", ("acme", "Acme Metallwerke GmbH")


def code(password: str) -> str | None:
    fault = fault_of_password(password, min_length=12, email=EMAIL, name=NAME, organisation=ORGANISATION)
    return None if fault is None else fault["code"]


@pytest.mark.parametrize(
    "password",
    [
        *("Password123!", "Password1234!", "passw0rd1234", "qwertyuiop123", "1q2w3e4r5t6y7u8i", "iloveyou12345"),
        *("abcdefghijklm", "123456789abc", "aaabbbcccddd", "Welcome2026!", "1qaz2wsx3edc", "trustno1trustno1"),
        *("passwordpassword", "correcthorsebatterystaple", "xxxxxxxxxxxx", "é" * 20, " " * 20, "abcd" * 30),
        *("Passwort12345", "Willkommen2026!", "W1llkommen2026", "München2026!", "Muenchen2026!", "Qwertz123456"),
        *("Factory2026!", "Produktion2026", "Schichtleiter1", "Monteur2026!", "factoryproductivity"),
    ],
)
def test_a_password_that_everybody_tries_first_is_refused(password: str) -> None:
    assert code(password) == "common_password"


@pytest.mark.parametrize(
    "password",
    [
        *("gracehopper1", "GraceHopper!", "hopper.grace1", "Gr4ceH0pper!", "reppohecarg1", EMAIL, EMAIL.upper()),
        *("Metallwerke2026", "Metallwerke!!", "Acme Metallwerke GmbH", "navy.example", "Hopper-Grace-1"),
    ],
)
def test_a_password_made_of_the_persons_or_organisations_words_is_refused(password: str) -> None:
    assert code(password) in ("personal_password", "common_password")
    if code(password) == "personal_password":  # nobody else would guess it as soon
        assert fault_of_password(password, min_length=12, email="a@b.example", name="Ada") is None


@pytest.mark.parametrize("name", ["Jürgen Großmüller", "Zoë Łukaszewicz-Öztürk"])
def test_umlauts_of_a_name_count_in_each_spelling(name: str) -> None:
    spellings = {name, name.replace("ü", "ue").replace("ß", "ss").replace("Ö", "Oe")}
    for spelling in spellings:
        fault = fault_of_password(f"{spelling}1", min_length=12, email="j@b.example", name=name) or {}
        assert fault.get("code") == "personal_password"


@pytest.mark.parametrize(
    "password",
    ["a long sentence that only I know", "h2z5u-2s4fp-c7yn8-m3n4v", "teal hammock forgives nobody", "Ω≈ç√∫˜µ≤≥÷ åß∂ƒ©"],
)
def test_a_password_that_takes_many_guesses_is_taken(password: str) -> None:
    assert code(password) is None


def test_the_length_is_judged_before_anything_else() -> None:
    assert code("tiny") == code("x" * (MAX_LENGTH + 1)) == "invalid_length"
    assert code("teal hammock forgives nobody" * 30) is None
