"""Files that are neither read nor sent, and suggestions that look like a secret."""

import base64
import hashlib
import random
import string
import sysconfig
from pathlib import Path

import pytest

from infill_lsp.privacy import inactive_reason, looks_secret, path_of

RANDOM = random.Random(5)


def drawn(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(letters, k=count))


@pytest.mark.parametrize(
    "name",
    [
        "/w/.env",
        "/w/.env.local",
        "/w/production.env",
        "/w/server.pem",
        "/w/tls/server.KEY",
        "/home/me/.ssh/config",
        "/w/id_rsa",
        "/w/id_ed25519.pub",
        "/w/release.keystore",
        "/home/me/.aws/credentials",
        "/w/credentials.json",
        "/w/secrets.yaml",
        "/home/me/.netrc",
        "/w/.npmrc",
        "/w/.pypirc",
        "/home/me/.kube/config",
        "/w/kubeconfig",
        "/w/prod.tfstate",
        "/w/prod.tfvars",
        "/w/.htpasswd",
        "/w/service-account-prod.json",
        "file:///w/a%20b/.env",
        "vscode-remote://host/w/.env",
    ],
)
def test_files_with_secrets_are_inactive_and_the_reason_says_why(name: str) -> None:
    reason = inactive_reason(name)
    assert reason is not None
    assert "may hold secrets: it" in reason


@pytest.mark.parametrize(
    "name",
    [
        "/w/environment.py",
        "/w/keys.py",
        "/w/tokens.go",
        "/usr/lib/python3.11/secrets.py",
        "/w/src/credentials.ts",
        "/w/.env.example",
        "/w/config.yaml",
        "file:///w/main.py",
        "untitled:Untitled-1",
        "C:\\work\\main.py",
    ],
)
def test_code_is_active(name: str) -> None:
    assert inactive_reason(name, "import os\n") is None


def test_a_private_key_is_inactive_whatever_it_is_called() -> None:
    kind = "OPENSSH PRIVATE"
    assert inactive_reason("/w/notes.txt", f"-----BEGIN {kind} KEY-----\nabc\n") == "notes.txt holds a private key"
    assert inactive_reason("/w/keys.py", f'HEADER = "-----BEGIN {kind} KEY-----"\n') is None


def test_the_users_patterns_forbid_and_allow() -> None:
    assert inactive_reason("/w/customers/a.py", "", ["customers/"]) == (
        "a.py matches the pattern 'customers/' of your settings"
    )
    assert inactive_reason("/w/public.pem", "", ["!public.pem"]) is None
    assert inactive_reason("/w/src/Private/a.py", "", ["src/private/*.py"]) is not None
    assert inactive_reason("/w/src/private/a.py", "", ["/src/private"]) is None


def test_the_path_of_a_document() -> None:
    assert path_of("file:///w/a%20b/c.py") == Path("/w/a b/c.py")
    assert path_of("/w/c.py") == Path("/w/c.py")
    assert path_of("untitled:Untitled-1") is None


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE" + " KEY-----",
        f"key = 'AKIA{drawn(16, string.ascii_uppercase)}'",
        f"ghp_{drawn(36)}",
        f"github_pat_{drawn(60)}",
        f"glpat-{drawn(20)}",
        f"xoxb-{drawn(24, string.digits)}-{drawn(24)}",
        f"sk-{drawn(20)}T3{drawn(20)}",
        f"AIza{drawn(35)}",
        f"Bearer eyJ{drawn(20)}.eyJ{drawn(40)}.{drawn(43)}",
        f"npm_{drawn(36)}",
        f'password = "{drawn(6)}7Kq2v{drawn(6)}"',
        f'"api_key": "{drawn(10)}4bX9z{drawn(20)}"',
        f"client.secret_key='{drawn(10)}4bX9z{drawn(20)}'",
        f"API_TOKEN={drawn(10)}4bX9z{drawn(20)}",
        f'os.environ["DB_PASSWORD"] = "{drawn(6)}7Kq2v{drawn(6)}"',
    ],
)
def test_secrets_are_seen(text: str) -> None:
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
        f"commit = '{hashlib.sha1(b'b', usedforsecurity=False).hexdigest()}'",
    ],
)
def test_code_is_no_secret(text: str) -> None:
    assert not looks_secret(text)


def test_the_standard_library_has_no_secrets() -> None:
    folder = Path(sysconfig.get_paths()["stdlib"])
    names = ["secrets.py", "ssl.py", "netrc.py", "smtplib.py", "imaplib.py", "token.py", "tokenize.py", "hmac.py"]
    assert [name for name in names if looks_secret((folder / name).read_text())] == []


def test_the_path_that_a_link_leads_to_is_judged_too(tmp_path: Path) -> None:
    keys = tmp_path / ".ssh"
    keys.mkdir()
    (keys / "deploy").write_text("key")
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "cfg.py").symlink_to(".env")
    (tmp_path / "again.py").symlink_to("cfg.py")
    (tmp_path / "folder").symlink_to(keys)
    env = tmp_path / ".env"
    assert inactive_reason(str(tmp_path / "cfg.py")) == (
        f"cfg.py leads to {env}: .env may hold secrets: its name matches '.env'"
    )
    assert inactive_reason((tmp_path / "again.py").as_uri()) is not None
    assert inactive_reason(f"git:{tmp_path}/cfg.py?ref=HEAD") is not None
    assert inactive_reason(str(tmp_path / "folder" / "deploy")) is not None
    assert inactive_reason(f"{keys}/x/../deploy") is not None
    (tmp_path / "round.py").symlink_to("round.py")
    assert inactive_reason(str(tmp_path / "round.py")) is None
    assert inactive_reason("/w/a\0b.py") is None


def test_the_users_patterns_are_held_against_the_path_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "customers").mkdir()
    (tmp_path / "a.py").symlink_to("customers/a.py")
    assert "'customers/'" in (inactive_reason(str(tmp_path / "a.py"), "", ["customers/"]) or "")


def test_a_file_in_the_working_folder_is_judged_by_where_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    monkeypatch.chdir(tmp_path / ".ssh")
    assert inactive_reason("config") is not None
