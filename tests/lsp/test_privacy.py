"""Files that are neither read nor sent, and the reasons."""

from pathlib import Path

import pytest

from infill_lsp.privacy.rules import inactive_reason, path_of


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
    assert path_of("http://[") is None
    assert inactive_reason("http://[/a.py") is None
    assert inactive_reason("http://[/.env") is not None


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
