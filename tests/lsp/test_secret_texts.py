"""Texts with a secret, one for each known token, and code without any."""

import base64
import hashlib
import random
import re
import string
import sysconfig
from pathlib import Path

import pytest

from infill_lsp.privacy.secret_texts import TOKENS, looks_secret

RANDOM = random.Random(5)
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


def drawn(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(letters, k=count))


KNOWN = {
    "private key": "-----BEGIN RSA PRIVATE" + " KEY-----",
    "PuTTY private key": "PuTTY-User-Key-File-3: ssh-rsa",
    "age private key": f"AGE-SECRET-KEY-1{drawn(58, UPPER)}",
    "AWS": f"key = 'AKIA{drawn(16, string.ascii_uppercase)}'",
    "Azure storage": f"AccountName=shop;AccountKey={drawn(86)}==;",
    "Google API": f"AIza{drawn(35)}",
    "Google OAuth": f"ya29.{drawn(40)}",
    "Google OAuth client": f"GOCSPX-{drawn(28)}",
    "GitHub": f"ghp_{drawn(36)}",
    "GitHub, fine-grained": f"github_pat_{drawn(60)}",
    "GitLab": f"gldt-{drawn(20)}",
    "GitLab runner": f"GR1348941{drawn(20)}",
    "Slack": f"xoxb-{drawn(24, string.digits)}-{drawn(24)}",
    "Slack app": f"xapp-1-A{drawn(10, UPPER)}-{drawn(13, string.digits)}-{drawn(64, HEX)}",
    "Slack webhook": f"https://hooks.slack.com/services/T{drawn(8, UPPER)}/B{drawn(8, UPPER)}/{drawn(24)}",
    "Discord": f"M{drawn(23)}.{drawn(6)}.{drawn(27)}",
    "Telegram": f"{drawn(9, '123456789')}:A{drawn(34)}",
    "OpenAI, Anthropic and others": f"sk-{drawn(20)}T3{drawn(20)}",
    "Hugging Face": f"hf_{drawn(34)}",
    "Stripe": f"sk_live_{drawn(24)}",
    "Square": f"sq0csp-{drawn(43)}",
    "Shopify": f"shpat_{drawn(32, HEX)}",
    "SendGrid": f"SG.{drawn(22)}.{drawn(43)}",
    "Mailchimp": f"{drawn(32, HEX)}-us12",
    "Twilio": f"SK{drawn(32, HEX)}",
    "npm": f"npm_{drawn(36)}",
    "npm, in a file": "//npm.host.org/:_authToken=01234567-89ab-4def-8123-456789abcdef",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{drawn(70)}",
    "Docker Hub": f"dckr_pat_{drawn(27)}",
    "DigitalOcean": f"dop_v1_{drawn(64, HEX)}",
    "Databricks": f"dapi{drawn(32, HEX)}",
    "Grafana": f"glsa_{drawn(32)}_{drawn(8, HEX)}",
    "HashiCorp Vault": f"hvs.{drawn(90)}",
    "JSON Web Token": f"Bearer eyJ{drawn(20)}.eyJ{drawn(40)}.{drawn(43)}",
    "password in an address": f"postgres://shop:{drawn(6)}7Kq{drawn(6)}@db.host.org/shop",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_of_each_known_kind_is_seen(kind: str) -> None:
    assert re.search(TOKENS[kind], KNOWN[kind])
    assert looks_secret(f"before()\n{KNOWN[kind]}\n")


@pytest.mark.parametrize(
    "text",
    [
        f'password = "{drawn(6)}7Kq2v{drawn(6)}"',
        f'"api_key": "{drawn(10)}4bX9z{drawn(20)}"',
        f"client.secret_key='{drawn(10)}4bX9z{drawn(20)}'",
        f"API_TOKEN={drawn(10)}4bX9z{drawn(20)}",
        f'os.environ["DB_PASSWORD"] = "{drawn(6)}7Kq2v{drawn(6)}"',
    ],
)
def test_what_is_assigned_to_a_name_of_secrets_is_seen(text: str) -> None:
    assert looks_secret(f"before()\n{text}\n")


@pytest.mark.parametrize(
    "text",
    [
        "password = getpass.getpass()",
        'password = "correct horse battery staple"',
        'token = "<your token here>"',
        'API_KEY = "your-api-key-0123456789"',
        'secret = os.environ["CLIENT_SECRET_2024"]',
        "token = self.tokenizer.next_token(position1, position2)",
        'token_url="https://login.host.org/oauth2/v2.0/token"',
        f"assert digest == '{hashlib.sha256(b'a').hexdigest()}'",
        f"ICON = '{base64.b64encode(bytes(range(200))).decode()}'",
        'kind = "sk-folding-cube-animation-circle"',
        "tokens_per_second_after_warm_up_2 = measure_tokens_per_second_v2",
        'password_field = "id_password_confirmation_2"',
        'raise ValueError("the secret must have 12 characters")',
        'url = "postgres://user:password@localhost/db"',
        'url = f"https://{user}:{password123}@host.org"',
        'start = "2026-01-02T10:30:00+00:00"',
        "session = requests.get(f'http://{host}:{port}/v1/users/me@host')",
        f"commit = '{hashlib.sha1(b'b', usedforsecurity=False).hexdigest()}'",
    ],
)
def test_code_is_no_secret(text: str) -> None:
    assert not looks_secret(text)


def test_the_standard_library_has_no_secrets() -> None:
    folder = Path(sysconfig.get_paths()["stdlib"])
    names = ["secrets.py", "ssl.py", "netrc.py", "smtplib.py", "imaplib.py", "token.py", "tokenize.py", "hmac.py"]
    assert [name for name in names if looks_secret((folder / name).read_text())] == []
