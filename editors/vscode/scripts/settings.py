"""Writes the settings into the extension's package.json: the server's, from its own table, and the few of the editor.

`python editors/vscode/scripts/settings.py` writes, with `--check` it only says whether they are as they should be.
It knows how VS Code declares settings, and nothing of what they do.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infill_lsp.settings.settings import Setting, table

Schema = dict[str, object]

_PACKAGE: Final = Path(__file__).parent.parent / "package.json"

_OWN: Final[dict[str, Schema]] = {
    "infill.path": {
        "type": "string",
        "default": "",
        "scope": "machine-overridable",
        "markdownDescription": "Path of an `infill-lsp`, or of a Python that has it installed. Empty: the active "
        "Python environment, then the PATH, then the private environment are tried.",
    },
    "infill.package": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "markdownDescription": "What pip installs into the private environment: a name, with a version if you like, or "
        "the path of a wheel or a folder. Empty: `infill-lsp`.",
    },
    "infill.preview": {
        "type": "string",
        "enum": ["always", "changes", "never"],
        "enumDescriptions": [
            "Every edit that was asked for.",
            "Edits that change what you wrote; what only adds code is made at once.",
            "Edits are made at once; undo takes them back.",
        ],
        "default": "always",
        "scope": "window",
        "markdownDescription": "Which edits are shown as a difference before they are made.",
    },
}

_MACHINE: Final = {"infill.model", "infill.device", "infill.dtype", "infill.threads", "infill.verify.model"}
"""Settings that depend on the machine that the code is on, so that they do not follow a user to others."""

_USER: Final = "infill.endpoint."
"""Settings that only the user has a say in: a folder that is opened must not say where code is sent."""

_KINDS: Final[tuple[tuple[str, Callable[[re.Match[str]], Schema]], ...]] = (
    (r"true or false", lambda _: {"type": "boolean"}),
    (r"true or false, or null", lambda _: {"type": ["boolean", "null"]}),
    (r"a string|a string, or empty", lambda _: {"type": "string"}),
    (r"a string, or null", lambda _: {"type": ["string", "null"]}),
    (r"the name of an environment variable in capitals, or empty", lambda _: {"type": "string"}),
    (r"a list of strings(, .+)?", lambda _: {"type": "array", "items": {"type": "string"}}),
    (r"one of (.+)", lambda it: {"type": "string", "enum": json.loads(f"[{it[1]}]")}),
    (r"a number from (\d+) to (\d+)", lambda it: {"type": "number", **_limits(it)}),
    (r"a whole number from (\d+) to (\d+)", lambda it: {"type": "integer", **_limits(it)}),
    (r"a whole number from (\d+) to (\d+), or null", lambda it: {"type": ["integer", "null"], **_limits(it)}),
)
"""From the words for a setting's kind to its schema."""


def properties() -> dict[str, Schema]:
    """All settings of the extension as VS Code declares them."""
    return {setting.name: _declared(setting) for setting in table()} | _OWN


def _declared(setting: Setting) -> Schema:
    scope = "machine-overridable" if setting.name in _MACHINE else "window"
    if setting.name.startswith(_USER):
        scope = "machine"
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    meaning = f"{setting.meaning[:1].upper()}{setting.meaning[1:]}."
    return {**_schema(setting.kind.words), "default": default, "scope": scope, "markdownDescription": meaning}


def _limits(found: re.Match[str]) -> Schema:
    return {"minimum": int(found[1]), "maximum": int(found[2])}


def _schema(words: str) -> Schema:
    for pattern, schema in _KINDS:
        if found := re.fullmatch(pattern, words):
            return schema(found)
    raise ValueError(f'No schema is known for "{words}"; add one to _KINDS.')


def main() -> int:
    """Write or check; returns 1 if something is to be written."""
    package = json.loads(_PACKAGE.read_text(encoding="utf-8"))
    if package["contributes"]["configuration"]["properties"] == properties():
        return 0
    if "--check" in sys.argv:
        print("The settings in editors/vscode/package.json are old; run editors/vscode/scripts/settings.py.")
        return 1
    package["contributes"]["configuration"]["properties"] = properties()
    _PACKAGE.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
