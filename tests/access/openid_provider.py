"""A faithful OpenID provider: a real HTTP server with discovery, keys, an authorize and a token endpoint.

It checks what a strict one checks (client secret, redirect address, PKCE, codes that serve once). A test makes it lie.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "the-factory", "a secret between provider and factory"
CALLBACK = "http://localhost/api/v1/session/oidc/callback"


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """The provider's state: who is signed in there, and how it lies."""

    def __init__(self) -> None:
        self.key = KEY
        self.signing_key: Any = self.key
        self.algorithm = "RS256"
        self.issuer = ""
        self.user: dict[str, Any] = {"sub": "248289761001", "email": "ada@example.org", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.left_out: set[str] = set()
        self.codes: dict[str, dict[str, str]] = {}
        self.refusals: list[str] = []
        self.declared_issuer: str | None = None

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.declared_issuer or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Return the address to which the browser of a user who agrees is led."""
        asked = {name: query.get(name) for name in ("client_id", "redirect_uri", "response_type")}
        assert asked == {"client_id": CLIENT, "redirect_uri": CALLBACK, "response_type": "code"}, asked
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{CALLBACK}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Return the token endpoint's answer."""
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        faults = {
            "secret": authorization != expected,
            "code": asked is None,
            "redirect": form.get("redirect_uri") != CALLBACK,
            "verifier": asked is not None
            and asked["code_challenge"] != base64.urlsafe_b64encode(verifier).rstrip(b"=").decode(),
        }
        self.refusals += [name for name, is_so in faults.items() if is_so]
        if asked is None or any(faults.values()):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.user,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if name not in self.left_out}
        key = None if self.algorithm == "none" else self.signing_key
        signed = jwt.encode(claims, key, self.algorithm, headers={"kid": "1"})
        return 200, {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": signed}


@contextmanager
def running_provider() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {"/.well-known/openid-configuration": provider.document, "/keys": provider.keys}
            self.answer(200, answers[self.path]())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*provider.token(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
