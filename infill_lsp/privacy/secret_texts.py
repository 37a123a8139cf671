"""Detects secrets in a text: one table of the tokens of known services, and literals that look random.

A false alarm costs a correct suggestion, and a missed secret is already in the user's own file: text that may be a name
or a path is let through.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

TOKENS: Final[Mapping[str, str]] = {
    "private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
    "PuTTY private key": r"PuTTY-User-Key-File-\d",
    "age private key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "AWS": r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b",
    "Azure storage": r"AccountKey=[A-Za-z0-9+/]{86}==",
    "Google API": r"\bAIza[\w-]{35}",
    "Google OAuth": r"\bya29\.[\w-]{20,}",
    "Google OAuth client": r"\bGOCSPX-[\w-]{28}",
    "GitHub": r"\bgh[opsur]_[0-9A-Za-z]{36}",
    "GitHub, fine-grained": r"\bgithub_pat_\w{22,}",
    "GitLab": r"\b(?:glpat|gldt|glft|glrt|gloas|glsoat|glptt|glagent|glimt|glcbt)-[\w-]{20}",
    "GitLab runner": r"\bGR1348941[\w-]{20}",
    "Slack": r"\bxox[abceoprs]-[0-9A-Za-z-]{12,}",
    "Slack app": r"\bxapp-\d-[0-9A-Z]{8,}-\d+-[0-9a-f]{32,}",
    "Slack webhook": r"hooks\.slack\.com/services/T\w+/B\w+/\w{16,}",
    "Discord": r"\b[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,38}",
    "Telegram": r"\b\d{8,10}:A[A-Za-z0-9_-]{34}\b",
    "OpenAI, Anthropic and others": r"\bsk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}",
    "Hugging Face": r"\bhf_[0-9A-Za-z]{30,}",
    "Stripe": r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",
    "Square": r"\bsq0(?:csp|atp)-[\w-]{22,43}",
    "Shopify": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "SendGrid": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "Mailchimp": r"\b[0-9a-f]{32}-us\d{1,2}\b",
    "Twilio": r"\bSK[0-9a-f]{32}\b",
    "npm": r"\bnpm_[0-9A-Za-z]{36}",
    "npm, in a file": r":_authToken=[\w-]{30,}",
    "PyPI": r"\bpypi-AgE[\w-]{20,}",
    "Docker Hub": r"\bdckr_pat_[\w-]{27}",
    "DigitalOcean": r"\bdo[opr]_v1_[0-9a-f]{64}",
    "Databricks": r"\bdapi[0-9a-f]{32}\b",
    "Grafana": r"\bglsa_[0-9A-Za-z]{32}_[0-9a-f]{8}\b",
    "HashiCorp Vault": r"\bhv[bs]\.[\w-]{24,}",
    "JSON Web Token": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    "password in an address": r"://[^\s:/@\"'{}$%<>]+:(?=[^\s/@]*\d)(?=[^\s/@]*[A-Za-z])[^\s:/@\"'{}$%<>]{10,}@",
}
"""Patterns of the tokens of services; tests/lsp/test_secret_texts.py has one of each."""

_TOKEN: Final = re.compile("|".join(f"(?:{it})" for it in TOKENS.values()))

_ASSIGNED: Final = re.compile(
    r"(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api_?key|access_?key|private_?key|auth_?key|credential)s?"
    r"(?:_?\w{0,12})?[\"']?\]?\s*(?::\s*\w+\s*)?(?:=>|:=|[:=(])\s*"
    r"(?:[rbuf]{0,2}([\"'`])(?P<quoted>[^\s\"'`]{12,200})\1|(?P<bare>[\w+/=-]{20,200})\s*$)",
    re.IGNORECASE | re.MULTILINE,
)

LEAST_ENTROPY: Final = 3.2
"""Minimum bits per character of a possible secret; twelve random letters and digits have about 3.4."""

_PLACEHOLDER: Final = re.compile(
    r"[<>{}$%]|\.\.\.|x{4}|\*{3}|123456|abcdef|example|sample|dummy|change|your|test|fake|placeholder|secret|password",
    re.IGNORECASE,
)


def looks_secret(text: str) -> bool:
    """Report whether a text contains a key, a token or a password. Pass whole lines: a name tells what a literal is."""
    return _TOKEN.search(text) is not None or any(
        _is_random(it["quoted"] or it["bare"]) for it in _ASSIGNED.finditer(text)
    )


def _is_random(literal: str) -> bool:
    """Report whether a literal mixes letters and digits as in a secret, not as in a name, a path or a placeholder."""
    if _PLACEHOLDER.search(literal) or not re.search(r"\d", literal) or not re.search(r"[A-Za-z]", literal):
        return False
    if re.fullmatch(r"[\w-]+(?:[./:]+[\w-]+)+/?", literal) and not re.search(r"\w{16}", literal):
        return False  # A path, an address or a dotted name.
    return _entropy(literal) >= LEAST_ENTROPY and _changes(literal) >= 4


def _changes(literal: str) -> int:
    """Count the changes between letters and digits, and between upper and lower case."""
    kinds = re.sub(r"[^\w]|_", "", re.sub(r"[a-z]+", "a", re.sub(r"[A-Z]+", "A", re.sub(r"\d+", "0", literal))))
    return len(kinds)


def _entropy(literal: str) -> float:
    """Return the Shannon entropy, in bits per character."""
    return -sum(n / len(literal) * math.log2(n / len(literal)) for n in Counter(literal).values())
