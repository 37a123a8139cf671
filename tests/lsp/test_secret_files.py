"""Every rule of the table, tested with a file that it matches and a file that it must not match."""

import random
import string

import pytest

from infill_lsp.privacy.rules import inactive_reason
from infill_lsp.privacy.secret_files import RULES, secret_reason

BASE64 = "".join(random.Random(3).choices(string.ascii_letters + string.digits, k=64))
PEM = "-----BEGIN {}PRIVATE" + " KEY-----\n"

FILES = {
    ".env": ".env",
    ".env.*": ".env.local",
    ".env[-_]*": ".env-prod",
    "*.env": "production.env",
    "*.pem": "server.pem",
    "*.key": "tls/server.KEY",
    "id_rsa*": "id_rsa.pub",
    "id_dsa*": "id_dsa",
    "id_ecdsa*": "id_ecdsa_work",
    "id_ed25519*": "id_ed25519",
    "*.kubeconfig": "prod.kubeconfig",
    "*.tfstate": "prod.tfstate",
    "*.tfstate.*": "prod.tfstate.3",
    "*.tfvars": "prod.tfvars",
    "*.tfvars.json": "prod.tfvars.json",
    ".vault[-_]pass*": ".vault_pass",
    "vault[-_]pass*": "vault-password.txt",
    "wg[0-9]*.conf": "wg0.conf",
    "*[-_]key.json": "gcp-key.json",
    "*[-_]key.txt": "deploy_key.txt",
    "*[-_]keys.txt": "age-keys.txt",
    "client_secret*.json": "client_secret_12.json",
    "service[-_]account*.json": "service-account-prod.json",
    "*serviceaccount*.json": "MyServiceAccount.json",
    "*firebase-adminsdk*.json": "firebase-adminsdk-x.json",
    ".*[-_]history": ".bash_history",
    "private[-_]key": "private_key.bin",
    "private[-_]keys": "private-keys.yaml",
    "api[-_]key": "my_api_key.yaml",
    "api[-_]keys": "api-keys.ini",
    "access[-_]key": "access_key.csv",
    "access[-_]keys": "root-access-keys.csv",
    "secret": "app-secret.prod.yaml",
    "credential": "credential.xml",
    "credentials": "credentials.json",
    "password": "password.txt",
    "token": "token.json",
}
"""A file for each pattern that is not itself a file name, and for some that are."""

TEXTS = {
    "a private key": (
        PEM.format("OPENSSH ") + "abc\n",
        "\ufeff" + PEM.format("") + BASE64,
        "# the key of the build machine\n" + PEM.format("RSA ") + BASE64,
        "# " + PEM.format("EC ") + "# " + BASE64,
        "\r\n  " + PEM.format("RSA ").replace("\n", "\r\nProc-Type: 4,ENCRYPTED\r\n"),
        '{"private_key": "' + PEM.format("").replace("\n", "\\n") + BASE64 + '\\n"}',
        'KEY = """' + PEM.format("RSA ") + BASE64 + '\n"""\n',
        "PuTTY-User-Key-File-3: ssh-ed25519\n",
        "AGE-SECRET-KEY-1" + "Q" * 58 + "\n",
    ),
    "an AWS access key": ("[default]\naws_secret_access_key = " + BASE64[:40] + "\n",),
    "a password of a netrc file": ("machine api.host.org\n  login me\n  password pa55\n",),
}


def example(pattern: str, kind: str) -> str:
    if kind in ("folder", "data folder"):
        return f"/w/{pattern}inner/file"
    return f"/w/{FILES.get(pattern, pattern)}"


@pytest.mark.parametrize(("pattern", "kind"), [(it.pattern, it.kind) for it in RULES if it.kind != "content"])
def test_every_rule_about_paths_matches_a_file_and_the_reason_names_it(pattern: str, kind: str) -> None:
    reason = secret_reason(example(pattern, kind))
    assert reason is not None
    parts = example(pattern, kind).lower().split("/")[1:]
    (rule,) = (it for it in RULES if (it.pattern, it.kind) == (pattern, kind))
    own = rule.reason(parts)
    assert own is not None
    assert repr(pattern) in own
    assert ("is in a folder" in own) == kind.endswith("folder")


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in TEXTS.items() for text in texts])
def test_every_rule_about_contents_matches_whatever_the_file_is_called(what: str, text: str) -> None:
    assert secret_reason("/w/notes.txt", text) == f"notes.txt holds {what}"


def test_there_is_a_text_for_every_rule_about_contents() -> None:
    texts = [it for several in TEXTS.values() for it in several]
    assert [it.pattern for it in RULES if it.kind == "content" and not any(map(it.found_in, texts))] == []
    assert {it.what for it in RULES if it.kind == "content"} == set(TEXTS)


@pytest.mark.parametrize(
    "path",
    [
        ".env-prod",
        "secrets/prod.yaml",
        "secrets/db",
        "password.txt",
        "private_key.txt",
        "token.json",
        "gcp-key.json",
        "application_default_credentials.json",
        "firebase-adminsdk-x.json",
        ".vault_pass",
        "rclone.conf",
        ".bash_history",
        ".zsh_history",
        ".psql_history",
        ".python_history",
        "fish_history",
    ],
)
def test_files_that_hold_secrets_by_their_names(path: str) -> None:
    assert secret_reason(f"/w/{path}") is not None


@pytest.mark.parametrize("name", [".env~", ".env.swp", "#.env#", "id_rsa.old", "credentials.json.bak", "server.pem~"])
def test_a_copy_holds_what_the_file_held(name: str) -> None:
    assert secret_reason(f"/w/{name}") is not None


@pytest.mark.parametrize(
    "path",
    [
        "/w/credentials/__init__.py",
        "/w/credentials/store.ts",
        "/w/secrets/manager.go",
        "/w/my.env/app.py",
        "/w/.env/lib/site.py",
        "/w/shop.key/models.py",
        "/w/passwords.py",
        "/w/credentials.py",
        "/w/api_key.rs",
        "/w/token.js",
        "/w/src/password.html",
        "/w/tokenizer.json",
        "/w/design-tokens.json",
        "/w/monkey.json",
        "/w/environment.py",
        "/w/history.txt",
        "/w/.env.example",
        "/w/.env.production.sample",
        "/w/secrets.example.yaml",
        "/w/terraform.tfvars.template",
        "/w/example.env",
        "/w/authorized_keys.md",
    ],
)
def test_what_only_deals_with_secrets_is_let_through(path: str) -> None:
    assert secret_reason(path, "import os\n") is None


@pytest.mark.parametrize(
    "text",
    [
        'HEADER = "' + PEM.format("").strip() + '"\n',
        '"""Reads\n\n' + PEM.format("") + "...\n" + PEM.format("").replace("BEGIN", "END") + '"""\n',
        'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY"]\n',
        "class PrivateKey:\n    pass\n",
    ],
)
def test_code_about_keys_is_let_through(text: str) -> None:
    assert secret_reason("/w/keys.py", text) is None


def test_the_reason_is_true() -> None:
    assert inactive_reason("/w/.env-prod") == ".env-prod may hold secrets: its name matches '.env[-_]*'"
    assert inactive_reason("/w/secrets/db.yaml") == "db.yaml may hold secrets: it is in a folder 'secrets/'"
    assert inactive_reason("/home/me/.ssh/config") == "config may hold secrets: it is in a folder '.ssh/'"
