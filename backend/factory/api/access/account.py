"""The caller's own password and second factor, below /session."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.access.session import SIGNED_IN, own_session, signed_in
from factory.api.access.short_texts import read_texts
from factory.api.http.answers import one
from factory.api.http.contract import contract, json_body
from factory.api.http.request import actor, auth_services, authenticator, caller, store
from factory.api.http.route import Route
from factory.operations.access.account import OwnAccount

namespace = Namespace("account", "Your own password and second factor", path="/session")

_OLD, _NEW = "the-first-password-that-was-told", "a long sentence that only I know"


@namespace.route("/password")
class Password(Route):
    @contract(
        access="signed_in",
        body=json_body("PasswordChange", {"old_password": _OLD, "new_password": _NEW}),
        answers={200: SIGNED_IN},
    )
    def post(self) -> Response:
        """Change the password.

        All other sessions end; this one goes on with the tokens of the answer.
        """
        account = _account()
        form = read_texts("old_password", "new_password")
        issued = account.change_password(old=form["old_password"], new=form["new_password"])
        authenticator().forget()
        return signed_in(issued)


@namespace.route("/totp")
class Totp(Route):
    @contract(
        access="signed_in",
        body=json_body("Proof", {"password": _NEW}),
        answers={200: ("The secret for an authenticator app", "TotpAnswer")},
        errors=(409,),
    )
    def post(self) -> Response:
        """Begin a second factor: one-time codes of an authenticator app.

        It counts once a code is confirmed.
        """
        account = _account()
        secret, uri = account.begin_totp(password=read_texts("password")["password"])
        return one({"secret": secret, "uri": uri})

    @contract(
        access="signed_in",
        body=json_body("Proof", {"password": _NEW}),
        answers={200: ("It is off", "TotpStateAnswer")},
    )
    def delete(self) -> Response:
        """Take the second factor away; 403 `second_factor_required` where the organisation asks for one."""
        account = _account()
        account.end_totp(password=read_texts("password")["password"])
        return one({"totp_enabled": False})


@namespace.route("/totp/confirm")
class TotpConfirmation(Route):
    @contract(
        access="signed_in",
        body=json_body("Code", {"code": "123456"}),
        answers={200: ("It is on; recovery codes, told this once", "TotpConfirmedAnswer")},
        errors=(409,),
    )
    def post(self) -> Response:
        """Confirm the second factor by a code of the app; from now on a sign-in asks for one."""
        account = _account()
        codes = account.confirm_totp(code=read_texts("code")["code"])
        authenticator().forget()
        return one({"totp_enabled": True, "recovery_codes": codes})


@namespace.route("/totp/recovery-codes")
class RecoveryCodes(Route):
    @contract(
        access="signed_in",
        body=json_body("Proof", {"password": _NEW}),
        answers={200: ("The new codes, told this once", "RecoveryCodesAnswer")},
        errors=(409,),
    )
    def post(self) -> Response:
        """Make recovery codes in the place of all that there are.

        Each serves once in the place of a one-time code, for who has lost the app.
        """
        codes = _account().renew_recovery_codes(password=read_texts("password")["password"])
        return one({"recovery_codes": codes})


def _account() -> OwnAccount:
    user_key, session_key = own_session()
    return OwnAccount(
        store=store(),
        services=auth_services(),
        user_key=user_key,
        session_key=session_key,
        is_required=caller().needs_second_factor,
        by=actor(),
    )
