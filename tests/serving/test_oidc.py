"""Tokens of an issuer: whom they let in, and every way in which they do not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.models import Models

PATH = "/v2/models/delays/infer"
RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def text(content: bytes | dict[str, Any]) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(key: Any, name: str, **more: Any) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "kid": name, "n": number(numbers.n), "e": number(numbers.e), **more}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = public.public_numbers()
        x, y = (text(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "kid": name, "x": x, "y": y, **more}
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "kid": name, "x": text(raw), **more}


def signed(key: Any, header: dict[str, Any], claims: dict[str, Any]) -> str:
    content = f"{text(header)}.{text(claims)}"
    if isinstance(key, rsa.RSAPrivateKey):
        how: Any = padding.PKCS1v15()
        if str(header["alg"]).startswith("PS"):
            how = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signature = key.sign(content.encode(), how, hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        pair = decode_dss_signature(key.sign(content.encode(), ec.ECDSA(hashes.SHA256())))
        signature = b"".join(value.to_bytes(32, "big") for value in pair)
    else:
        signature = key.sign(content.encode())
    return f"{content}.{text(signature)}"


class Provider:
    """An issuer with a discovery document and keys, counting what it is asked."""

    def __init__(self) -> None:
        self.keys = [jwk(RSA, "r"), jwk(EC, "e"), jwk(ED, "d")]
        self.asked: list[str] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.asked.append(self.path)
                found: Any = {"keys": told.keys}
                if self.path == "/.well-known/openid-configuration":
                    found = {"issuer": told.issuer, "jwks_uri": f"{told.issuer}/keys"}
                body = json.dumps(found).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self, **more: Any) -> dict[str, Any]:
        return {
            "iss": self.issuer,
            "aud": ["other", "delays"],
            "sub": "ann",
            "exp": time.time() + 600,
            **more,
        }

    def token(self, key: Any = RSA, alg: str = "RS256", kid: str | None = "r", **more: Any) -> str:
        header = {"alg": alg, "typ": "JWT"} | ({} if kid is None else {"kid": kid})
        return signed(key, header, self.claims(**more))


@pytest.fixture
def provider(monkeypatch) -> Iterator[Provider]:
    found = Provider()
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", found.issuer.removeprefix("http://"))
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def replies(make_package, one_champion, provider, ask) -> Any:
    """Statuses of a server that takes the provider's tokens, and then the last reply."""
    package = make_package()

    def asked(*tokens: str | None, config: dict[str, Any] | None = None, **oidc: Any) -> Any:
        issuer = {"issuer": provider.issuer, "audience": "delays", **oidc}
        whole = one_champion(package, oidc=issuer, **(config or {}))

        async def run() -> Any:
            models = Models(ServerConfig.model_validate(whole))
            models.start()
            transport = httpx.ASGITransport(AsgiServer(Application(models)))
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                found = []
                for token in tokens:
                    headers = {} if token is None else {"authorization": f"Bearer {token}"}
                    found.append(await client.post(PATH, json=ask(), headers=headers))
                assert (await client.get("/v2/health/ready")).status_code == 200
                return [one.status_code for one in found], found[-1]

        return asyncio.run(run())

    return asked


def test_tokens_of_every_kind_of_key_let_in_and_keys_are_fetched_once(replies, provider):
    tokens = [
        provider.token(),
        provider.token(alg="PS256"),
        provider.token(EC, "ES256", "e"),
        provider.token(ED, "EdDSA", "d"),
        provider.token(aud="delays"),
        provider.token(kid=None),
    ]
    statuses, _ = replies(*tokens, *tokens)
    assert statuses == [200] * 12
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


def test_what_is_no_good_token_lets_nobody_in(replies, provider):
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = provider.claims()
    unsigned = f"{text({'alg': 'none', 'kid': 'r'})}.{text(claims)}."
    content = f"{text({'alg': 'HS256', 'kid': 'r'})}.{text(claims)}"
    confused = f"{content}.{text(hmac.new(public, content.encode(), hashlib.sha256).digest())}"
    good = provider.token()
    head, body, signature = good.split(".")
    changed = text({**claims, "sub": "root"})
    wrong = {
        "nothing": None,
        "no token": "what",
        "unsigned": unsigned,
        "confused with a secret": confused,
        "another's signature": provider.token(OTHER),
        "another kind of key": provider.token(RSA, "RS256", "e"),
        "signed for another algorithm": f"{text({'alg': 'ES256', 'kid': 'r'})}.{body}.{signature}",
        "changed": f"{head}.{changed}.{signature}",
        "expired": provider.token(exp=time.time() - 60),
        "without an end": provider.token(exp=None),
        "not yet": provider.token(nbf=time.time() + 600),
        "another issuer": provider.token(iss="https://evil.example"),
        "another audience": provider.token(aud="else"),
        "no time": provider.token(exp=float("inf")),
        "critical": signed(RSA, {"alg": "RS256", "kid": "r", "crit": ["b64"]}, claims),
        "no json": f"{text(b'[' * 10_000)}.{body}.{signature}",
        "long": provider.token(sub="a" * 20_000),
    }
    for why, token in wrong.items():
        statuses, reply = replies(token, good)
        assert (why, statuses) == (why, [401, 200])
    _, reply = replies(wrong["another audience"])
    assert reply.json()["code"] == "serving.oidc"
    assert "it is for another audience" in reply.json()["error"]


def test_a_weak_key_and_one_for_another_use_are_not_known(replies, provider):
    weak = rsa.generate_private_key(65537, 1024)
    provider.keys = [jwk(weak, "weak"), jwk(OTHER, "o", use="enc"), jwk(RSA, "r", alg="PS256")]
    statuses, _ = replies(
        provider.token(weak, kid="weak"),
        provider.token(OTHER, kid="o"),
        provider.token(),
        provider.token(alg="PS256"),
    )
    assert statuses == [401, 401, 401, 200]


def test_a_new_key_is_fetched_once_and_a_flood_of_unknown_ones_asks_the_issuer_no_more(
    replies, provider, monkeypatch
):
    monkeypatch.setattr("millwright.serving.oidc.issuer._AGAIN_SECONDS", 0.0)
    statuses, _ = replies(provider.token(), provider.token(OTHER, kid="new"))
    assert statuses == [200, 401]
    assert len(provider.asked) == 4
    provider.asked.clear()
    monkeypatch.setattr("millwright.serving.oidc.issuer._AGAIN_SECONDS", 600.0)
    flood = [provider.token(OTHER, kid=f"k{i}") for i in range(20)]
    statuses, _ = replies(*flood, provider.token())
    assert statuses == [401] * 20 + [200]
    assert len(provider.asked) == 2


def test_keys_scopes_and_rates_go_together(replies, provider):
    key = {"name": "shop", "sha256": hashlib.sha256(b"a.b.c").hexdigest()}
    statuses, _ = replies("a.b.c", "x.y.z", provider.token(), config={"keys": [key]})
    assert statuses == [200, 401, 200]
    may = provider.token(scope="read predict")
    statuses, _ = replies(provider.token(), may, scope="predict")
    assert statuses == [401, 200]
    tokens = [provider.token(jti=str(i)) for i in range(3)]
    statuses, _ = replies(*tokens, provider.token(sub="bob"), per_second=2)
    assert statuses == [200, 200, 429, 200]


def test_an_issuer_that_cannot_be_asked_is_our_trouble_and_not_the_callers(
    replies, provider, monkeypatch
):
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", "")
    statuses, reply = replies(provider.token())
    assert statuses == [503]
    assert reply.json()["code"] == "serving.oidc_keys"
