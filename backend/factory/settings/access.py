"""Access control: credentials, sessions and OpenID."""

from dataclasses import dataclass

from factory.domain.access.second_factor import CHOICES
from factory.settings.types import integer, one_of, option, optional_text, seconds


@dataclass(frozen=True, kw_only=True)
class AccessOptions:
    """Access."""

    access: str = option(
        "auto",
        "required: every request needs a credential. open: everybody may do everything, on a loopback HOST only. "
        "auto: open in development, else required.",
        one_of("auto", "open", "required"),
    )
    secret_key: str = option(
        "",
        "Signs access tokens, encrypts the secrets of one-time codes; 32 characters or more if access is required.",
        str,
        secret=True,
    )
    access_token_minutes: int = option("10", "How long an access token is valid before it is renewed.", integer(1, 60))
    session_days: int = option("7", "How long a sign-in lasts without being used.", integer(1, 90))
    session_max_days: int = option(
        "30", "When a sign-in ends, however much it is used: after so many days.", integer(1, 365)
    )
    second_factor: str = option(
        "off",
        "Users from this role on have to set up a second factor; wall: all of them. An organisation may be stricter.",
        one_of(*CHOICES),
    )
    access_cache_seconds: float = option(
        "1",
        "How long a server process caches a key or a sign-in; a revocation takes effect within this time.",
        seconds(0, 60),
    )
    password_min_length: int = option("12", "Fewest characters of a password.", integer(8, 128))
    oidc_issuer: str | None = option(
        "", "Address of the OpenID provider whose users may sign in; empty for none.", optional_text
    )
    oidc_client_id: str | None = option("", "This installation's client id at the OpenID provider.", optional_text)
    oidc_client_secret: str | None = option(
        "", "This installation's client secret at the OpenID provider.", optional_text, secret=True
    )
    oidc_name: str = option("SSO", "Name of the OpenID provider on the sign-in page.", str)
