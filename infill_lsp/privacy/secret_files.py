"""Determines which files hold secrets, and why: one table of names, words, folders and contents.

A file is judged by what it is: its own name, the last folders of its path if they belong to a known tool, and its
contents. A package of code that is called `credentials` holds code. Opens no file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Final, Literal

_CODE: Final = frozenset(
    """
    py pyi pyx js mjs cjs jsx ts mts cts tsx go rs java c h cc cpp cxx hh hpp hxx cs rb php kt kts swift scala m mm lua
    pl r jl dart ex exs erl hs ml mli fs fsx clj cljs el lisp zig nim vue svelte html htm css scss less proto graphql
    """.split()  # noqa: SIM905 - as a list of strings it would be two pages long.
)
"""Suffixes of source code: a module that is named after secrets deals with them and holds none."""

_COPY: Final = re.compile(r"(?:~|\.(?:bak|backup|old|orig|save|sav|swp|swo|tmp|copy))+$")
"""Suffixes that editors and people add to the name of a copy; the copy has the contents of the file."""

_SAMPLE: Final = re.compile(
    r"[._-](?:example|sample|template|tmpl|dist)(?:\.(?:ya?ml|json|toml|ini|cfg|conf|txt|properties|tfvars))?$"
    r"|^(?:example|sample|template)\.env$"
)
"""Names of files that show what belongs in another one."""

_PRIVATE_KEY: Final = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"

_HEAD: Final = 32_768
"""Characters of a file to search."""


@dataclass(frozen=True)
class Rule:
    """One way to recognise a file with secrets.

    Attributes:
        kind: the target of the rule. `name`: the file's name, with the folders above it if the pattern has any. `word`:
            the end of the name, before its suffixes, of a file that is not code. `folder`: a folder above the file.
            `data folder`: the same, for files that are not code. `content`: the text.
        pattern: for a name or folder a shell pattern, case-insensitive; for contents a regular expression.
        marks: one of these occurs in every text that a content rule can match; they are quicker to search for.
        what: what a matching text holds.
    """

    kind: Literal["name", "word", "folder", "data folder", "content"]
    pattern: str
    marks: tuple[str, ...] = ()
    what: str = ""

    def found_in(self, text: str) -> bool:
        """Report whether a content rule matches a text."""
        return any(it in text for it in self.marks) and self._expression.search(text) is not None

    def reason(self, parts: Sequence[str]) -> str | None:
        """Return why a rule about paths suspects a file of secrets, as the end of a sentence that begins with its name.

        Args:
            parts: parts of the file's path, in lower case.
        """
        name = parts[-1]
        if self.kind in ("word", "data folder") and _is_code(name):
            return None
        if self.kind in ("folder", "data folder"):
            inside = self._holds(parts[:-1])
            return f"may hold secrets: it is in a folder {self.pattern!r}" if inside else None
        if not any(self._expression.match(_tail(parts, it, self.pattern)) for it in _meant(name)):
            return None
        return f"may hold secrets: its name matches {self.pattern!r}"

    def _holds(self, folders: Sequence[str]) -> bool:
        wanted = self.pattern.rstrip("/").split("/")
        starts = range(len(folders) - len(wanted) + 1)
        return any(list(folders[it : it + len(wanted)]) == wanted for it in starts)

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        if self.kind == "content":
            return re.compile(self.pattern, re.MULTILINE)
        if self.kind == "word":
            word = translate(self.pattern).removeprefix("(?s:").removesuffix(r")\Z")
            return re.compile(rf"(?:.*[-_.])?{word}(?:\.[^/]*)?\Z", re.DOTALL)
        return re.compile(translate(self.pattern))


def _names(patterns: str) -> tuple[Rule, ...]:
    return tuple(Rule("name", it) for it in patterns.split())


def _words(words: str) -> tuple[Rule, ...]:
    return tuple(Rule("word", it) for it in words.split())


_ENVIRONMENTS: Final = _names(".env .env.* .env[-_]* *.env .envrc .flaskenv")

_TOOLS: Final = _names(
    """
    .netrc _netrc .authinfo .npmrc .yarnrc.yml .pypirc .pgpass pgpass.conf .my.cnf .mylogin.cnf .htpasswd .htdigest
    .dockercfg .dockerconfigjson .docker/config.json .git-credentials .boto .s3cfg .databrickscfg .snowsql/config
    .vault-token .vault[-_]pass* vault[-_]pass* rclone.conf .kube/config kubeconfig *.kubeconfig .config/gh/hosts.yml
    .config/hub .config/glab-cli/config.yml .config/doctl/config.yaml .gem/credentials .cargo/credentials.toml
    .terraformrc terraform.rc credentials.tfrc.json *.tfstate *.tfstate.* *.tfvars *.tfvars.json .m2/settings.xml
    settings-security.xml .gradle/gradle.properties keystore.properties key.properties auth.json kaggle.json
    .huggingface/token huggingface/token .msmtprc .fetchmailrc .offlineimaprc filezilla.xml sitemanager.xml
    recentservers.xml .ftpconfig sftp-config.json .vscode/sftp.json .remote-sync.json wp-config.php ngrok.yml
    wg[0-9]*.conf etc/shadow etc/gshadow master.passwd
    """
)

_KEYS: Final = _names(
    """
    *.pem *.key *.p8 *.p12 *.pfx *.pkcs12 *.jks *.keystore *.ppk *.asc *.gpg *.pgp *.kdbx *.kdb *.psafe3 *.keychain
    *.keychain-db *.crt *.cer *.der *.ovpn *.mobileprovision *.agekey id_rsa* id_dsa* id_ecdsa* id_ed25519*
    otr.private_key wallet.dat *[-_]key.json *[-_]key.txt *[-_]keys.txt application_default_credentials.json
    key.json keyfile.json client_secret*.json service[-_]account*.json *serviceaccount*.json *firebase-adminsdk*.json
    """
)

_HISTORIES: Final = _names(
    """
    .*[-_]history .history .zhistory .histfile fish_history consolehost_history.txt .dbshell .lesshst .viminfo
    """
)

_WORDS: Final = _words(
    """
    credential credentials secret secrets password passwords passwd passphrase passphrases private[-_]key
    private[-_]keys privatekey api[-_]key api[-_]keys apikey apikeys access[-_]key access[-_]keys token
    """
)

_FOLDERS: Final = (
    *(Rule("folder", it) for it in (".ssh/", ".gnupg/", ".aws/", ".azure/", ".config/gcloud/", ".password-store/")),
    *(Rule("data folder", it) for it in ("secrets/", ".secrets/", "credentials/", ".credentials/")),
)

_CONTENTS: Final = (
    Rule(
        "content",
        rf"^[ \t\ufeff]*(?:(?:#|//|;|\*)[ \t]*)?{_PRIVATE_KEY}[ \t]*\r?\n[\s#/;*]*[A-Za-z0-9+/=]",
        ("PRIVATE KEY",),
        "a private key",
    ),
    Rule("content", rf"{_PRIVATE_KEY}(?:(?:\\r)?\\n|\s+)[A-Za-z0-9+/=]{{40}}", ("PRIVATE KEY",), "a private key"),
    Rule("content", r"^[ \t\ufeff]*PuTTY-User-Key-File-\d", ("PuTTY-User-Key-File-",), "a private key"),
    Rule("content", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b", ("AGE-SECRET-KEY-1",), "a private key"),
    Rule(
        "content",
        r"^[ \t\ufeff]*aws_secret_access_key[ \t]*=[ \t]*[\w/+]{40}[ \t]*$",
        ("aws_secret_access_key",),
        "an AWS access key",
    ),
    Rule(
        "content",
        r"^[ \t\ufeff]*machine[ \t]+\S+\s+login[ \t]+\S+\s+password[ \t]+\S",
        ("machine",),
        "a password of a netrc file",
    ),
)

RULES: Final = (*_ENVIRONMENTS, *_TOOLS, *_KEYS, *_HISTORIES, *_FOLDERS, *_WORDS, *_CONTENTS)
"""All rules that recognise a file with secrets; tests/lsp/test_secret_files.py has a file for each."""


def secret_reason(path: str, text: str = "") -> str | None:
    """Return why a file may hold secrets, as a sentence without its full stop; None if nothing suggests it.

    Args:
        path: path of the file, with slashes.
        text: its contents, as far as they are known.
    """
    reason = _path_reason(path.lower()) or _content_reason(text[:_HEAD])
    return f"{PurePosixPath(path).name} {reason}" if reason else None


@lru_cache(maxsize=1024)
def _path_reason(path: str) -> str | None:
    parts = [it for it in path.split("/") if it]
    if not parts or _SAMPLE.search(parts[-1]):
        return None
    return next((why for it in RULES if it.kind != "content" and (why := it.reason(parts))), None)


def _content_reason(text: str) -> str | None:
    return next((f"holds {it.what}" for it in _CONTENTS if it.found_in(text)), None)


def _is_code(name: str) -> bool:
    return name.rpartition(".")[2] in _CODE and "." in name[1:]


def _meant(name: str) -> set[str]:
    """Return a name, and the name of the file that it is a copy of."""
    return {name, _COPY.sub("", name.removeprefix("#").removesuffix("#"))}


def _tail(parts: Sequence[str], name: str, pattern: str) -> str:
    """Return a name with as many folders above it as a pattern has."""
    folders = pattern.count("/")
    return "/".join([*(parts[-1 - folders : -1] if folders else ()), name])
