"""All settings: typed values, their defaults, and the table that documents them.

The table in docs/settings.md is made of the fields below by `python -m infill_lsp.settings`. What an editor sends is
checked here: a wrong value changes nothing and becomes a sentence. It knows no LSP.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

DEVICES: Final = ("auto", "cpu", "cuda", "mps", "spread")
DTYPES: Final = ("auto", "float32", "bfloat16", "float16", "int8", "int4")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which model the engine loads, and onto what.

    Attributes:
        model: `embedded`, the path of a folder with config.json, tokenizer.json and safetensors, or the name of a
            model that was downloaded.
        device: `cpu`, `cuda`, `mps`, `spread` over all GPUs and the CPU, or `auto` for the best there is.
        dtype: of the weights: `float32`, `bfloat16`, `float16`, `int8`, `int4`, or `auto` for the best on the device.
        threads: of the CPU; None for half of its cores, at least one.
    """

    model: str = "embedded"
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None

    @property
    def embedded(self) -> "EngineSettings":
        """Settings for the embedded model beside these: it needs no more than a CPU."""
        return EngineSettings(device="cpu", threads=self.threads)

    @property
    def can_fall_back(self) -> bool:
        """Whether the embedded model would be something else than these settings already say."""
        return self.model != "embedded" or self.device not in ("auto", "cpu") or self.dtype != "auto"

    @property
    def cpu_threads(self) -> int:
        """How many threads a forward may use.

        Half of the cores unless told otherwise: the editor and its other servers run on the rest. At this size two
        threads gain little and lose much beside a busy program (docs/log.md).
        """
        if self.threads is not None:
            return self.threads
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // 2)


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a setting takes.

    Attributes:
        words: as a person reads it: "must be ...".
        fits: whether a value from JSON is one.
    """

    words: str
    fits: Callable[[object], bool]


def _whole(least: int, most: int) -> Kind:
    words = f"a whole number from {least} to {most}"
    return Kind(words, lambda it: isinstance(it, int) and not isinstance(it, bool) and least <= it <= most)


def _or_null(kind: Kind) -> Kind:
    return Kind(f"{kind.words}, or null", lambda it: it is None or kind.fits(it))


def _one_of(*names: str) -> Kind:
    return Kind("one of " + ", ".join(f'"{name}"' for name in names), lambda it: it in names)


_SWITCH: Final = Kind("true or false", lambda it: isinstance(it, bool))
_TEXT: Final = Kind("a text", lambda it: isinstance(it, str) and bool(it))
_TEXTS: Final = Kind("a list of texts", lambda it: isinstance(it, list) and all(isinstance(one, str) for one in it))
_SHARE: Final = Kind(
    "a number from 0 to 1", lambda it: isinstance(it, int | float) and not isinstance(it, bool) and 0 <= it <= 1
)


def _setting(default: Any, kind: Kind, meaning: str) -> Any:
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a suggestion may take, in milliseconds; the best draft at the deadline is shown."""

    automatic: int = _setting(150, _whole(10, 60_000), "milliseconds for a suggestion that comes up while typing")
    invoked: int = _setting(2000, _whole(10, 60_000), "milliseconds for suggestions that are asked for by hand")

    def of(self, invoked: bool) -> int:
        """The milliseconds for a request."""
        return self.invoked if invoked else self.automatic


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model sees beside the document itself."""

    enable: bool = _setting(True, _SWITCH, "whether other files of the workspace are read as context")
    chars: int = _setting(16_000, _whole(0, 100_000), "characters of other files, at most")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What an editor can set; `infill.` goes before each name."""

    enable: bool = _setting(True, _SWITCH, "whether anything is suggested")
    model: str | None = _setting(
        None,
        _or_null(_TEXT),
        "`embedded`, a downloaded model's name, or the path of a folder; null for what `infill-lsp models use` has set",
    )
    device: str = _setting("auto", _one_of(*DEVICES), "where the model runs; `spread`: over all GPUs and the CPU")
    dtype: str = _setting(
        "auto", _one_of(*DTYPES), "of the weights; `int8` and `int4` need bitsandbytes, but for `embedded`"
    )
    threads: int | None = _setting(None, _or_null(_whole(1, 1024)), "CPU threads; null for half of the cores")
    budget: Budget = Budget()
    confidence: float = _setting(0.3, _SHARE, "suggestions below this confidence are not shown")
    candidates: int = _setting(4, _whole(1, 16), "suggestions to choose from when asked for by hand")
    completion: bool = _setting(
        False, _SWITCH, "whether suggestions are also in the list of completions, for editors without ghost text"
    )
    exclude: tuple[str, ...] = _setting(
        (), _TEXTS, "patterns, as in .gitignore, of files that are never read, beside the built-in ones for secrets"
    )
    context: ContextSettings = ContextSettings()
    log: str = _setting("info", _one_of("error", "warning", "info", "debug"), "what is written to the editor's log")

    @property
    def engine(self) -> EngineSettings:
        """The part of it that takes a new engine to change."""
        model = self.model or "embedded"
        return EngineSettings(model=model, device=self.device, dtype=self.dtype, threads=self.threads)


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table."""

    name: str
    default: object
    kind: Kind
    meaning: str


def table(group: object = None, prefix: str = "infill.") -> Iterator[Setting]:
    """All settings with their full names, as they are declared above."""
    group = ServerSettings() if group is None else group
    for one in dataclasses.fields(group):  # type: ignore[arg-type]  # A dataclass of this module.
        value, name = getattr(group, one.name), prefix + one.name
        if dataclasses.is_dataclass(value):
            yield from table(value, f"{name}.")
        else:
            yield Setting(name, value, one.metadata["kind"], one.metadata["meaning"])


def read(raw: object, base: ServerSettings, current: ServerSettings) -> tuple[ServerSettings, tuple[str, ...]]:
    """The settings that an editor has sent.

    Args:
        raw: JSON: an object with names as in the table, nested or with dots, with or without `infill` around it.
        base: for what is not in it, or null.
        current: for what is wrong in it.

    Returns:
        The settings, and a sentence for everything in `raw` that was not understood.
    """
    if raw is None:
        return base, ()
    if not isinstance(raw, dict):
        return current, (f"The settings must be an object, not {_shown(raw)}; nothing was changed.",)
    known = {setting.name: setting for setting in table()}
    complaints = []
    settings = base
    for name, value in _flat(raw, "infill."):
        setting = known.get(name)
        if setting is None:
            complaints.append(f"There is no setting {name}; it was ignored.")
        elif value is None and setting.kind.fits(None):
            settings = _with(settings, name, _value(base, name))
        elif not setting.kind.fits(value):
            complaints.append(f"{name} must be {setting.kind.words}, not {_shown(value)}; it was not changed.")
            settings = _with(settings, name, _value(current, name))
        else:
            settings = _with(settings, name, tuple(value) if isinstance(value, list) else value)
    return settings, tuple(complaints)


def _flat(raw: Mapping[object, object], prefix: str) -> Iterator[tuple[str, object]]:
    groups = {setting.name.rpartition(".")[0] for setting in table()}
    for key, value in raw.items():
        name = f"{key}" if f"{key}".startswith("infill.") or key == "infill" else f"{prefix}{key}"
        if name in groups and isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _path(name: str) -> list[str]:
    return name.split(".")[1:]


def _value(settings: ServerSettings, name: str) -> object:
    value: object = settings
    for part in _path(name):
        value = getattr(value, part)
    return value


def _with(settings: ServerSettings, name: str, value: object) -> ServerSettings:
    *groups, last = _path(name)
    if not groups:
        return dataclasses.replace(settings, **{last: value})  # type: ignore[arg-type]  # Checked by its kind.
    group = dataclasses.replace(getattr(settings, groups[0]), **{last: value})
    return dataclasses.replace(settings, **{groups[0]: group})


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"


def as_markdown() -> str:
    """The page docs/settings.md."""
    rows = "".join(
        f"| `{one.name}` | `{json.dumps(one.default)}` | {one.meaning} ({one.kind.words}) |\n" for one in table()
    )
    return f"""# Settings

Made by `python -m infill_lsp.settings` from the code. Editors send these as `initializationOptions` or as the section
`infill` of their configuration; changes take effect at once. A wrong value changes nothing and is named in the log.
What an editor leaves out is as in the user's own `config.json`, the same names in JSON, in the folder of the user's
configuration (`~/.config/infill-lsp` on Linux), which `infill-lsp models use` writes; an editor wins over it.

| name | default | meaning |
|---|---|---|
{rows}"""


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/settings.md").write_text(as_markdown(), encoding="utf-8")
