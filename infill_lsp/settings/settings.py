"""All settings: typed values, their defaults, and the table that documents them.

`python -m infill_lsp.settings.settings` makes the table in docs/settings.md of the fields below. What an editor sends
is checked here: a wrong value changes nothing and becomes a sentence. It knows no LSP.
"""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from infill_lsp.privacy.secret_texts import looks_secret

ENDPOINT: Final = "endpoint"
"""The value of `infill.model` that means a server elsewhere."""

AUTO: Final = "auto"
"""The value of `infill.model` that leaves the choice to what is here and was measured on this machine."""

DEVICES: Final = ("auto", "cpu", "cuda", "mps", "spread")
APIS: Final = ("openai", "mercury", "llama.cpp", "ollama", "infill")
"""Of endpoints; docs/endpoints.md lists them."""

COMPILES: Final = ("off", "auto")
REUSES: Final = ("none", "prefix", "dual")
DTYPES: Final = ("auto", "float32", "bfloat16", "float16", "int8", "int4")


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a setting takes.

    Attributes:
        words: as a person reads it: "must be ...".
        fits: whether a value from JSON is one.
        shown: whether a value that does not fit may be repeated: someone may have put a key there.
    """

    words: str
    fits: Callable[[object], bool]
    shown: bool = True


def _whole(least: int, most: int) -> Kind:
    words = f"a whole number from {least} to {most}"
    return Kind(words, lambda it: isinstance(it, int) and not isinstance(it, bool) and least <= it <= most)


def _or_null(kind: Kind) -> Kind:
    return Kind(f"{kind.words}, or null", lambda it: it is None or kind.fits(it))


def _one_of(*names: str) -> Kind:
    return Kind("one of " + ", ".join(f'"{name}"' for name in names), lambda it: it in names)


_SWITCH: Final = Kind("true or false", lambda it: isinstance(it, bool))
_TEXT: Final = Kind("a string", lambda it: isinstance(it, str) and bool(it))
_TEXTS: Final = Kind("a list of strings", lambda it: isinstance(it, list) and all(isinstance(one, str) for one in it))
_WORDS: Final = Kind("a string, or empty", lambda it: isinstance(it, str))
_VARIABLE: Final = Kind(
    "the name of an environment variable in capitals, or empty",
    lambda it: isinstance(it, str) and re.fullmatch(r"(?:[A-Z_][A-Z0-9_]{0,63})?", it) is not None,
    shown=False,
)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _is_command(value: object) -> bool:
    """Report whether a value may be a command; identifiers of a password manager's entries are not keys."""
    return _TEXTS.fits(value) and not any(
        looks_secret(f'api_key = "{word.lstrip("-~/")}"') for word in _texts(value) if not _UUID.fullmatch(word)
    )


_COMMAND: Final = Kind("a list of strings, none of which is the key itself", _is_command, shown=False)
_SHARE: Final = Kind(
    "a number from 0 to 1", lambda it: isinstance(it, int | float) and not isinstance(it, bool) and 0 <= it <= 1
)


def _setting(default: Any, kind: Kind, meaning: str) -> Any:
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """How long a suggestion may take, in milliseconds; the best draft at the deadline is shown."""

    automatic: int = _setting(150, _whole(10, 60_000), "milliseconds for a suggestion that appears while you type")
    invoked: int = _setting(2000, _whole(10, 60_000), "milliseconds for suggestions that you request by hand")
    endpoint: int = _setting(
        1500, _whole(10, 60_000), "milliseconds for a suggestion that appears while you type, if an endpoint makes it"
    )
    larger: int = _setting(
        600,
        _whole(10, 60_000),
        "milliseconds for a suggestion that appears while you type, if `base` or `base-0.5b` makes it; `auto` chooses "
        "neither model if it was measured to need longer",
    )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model sees beside the document itself."""

    enable: bool = _setting(True, _SWITCH, "whether other files of the workspace are read as context")
    chars: int = _setting(16_000, _whole(0, 100_000), "the maximum number of characters read from other files")


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """A causal model that checks what the model drafts."""

    model: str | None = _setting(None, _or_null(_TEXT), "the path of a causal model that checks drafts; null for none")
    by: Literal["exact", "rank"] = _setting(
        "exact",
        _one_of("exact", "rank"),
        "`exact`: it rewrites drafts as it would write them; `rank`: it chooses among several",
    )


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """The server elsewhere that is asked where `infill.model` is `endpoint`. A key is never among them."""

    url: str = _setting(
        "", _WORDS, "the endpoint's address, without the path of its API, such as `http://127.0.0.1:8080`"
    )
    api: str = _setting("openai", _one_of(*APIS), "the endpoint's API; docs/endpoints.md describes each")
    model: str = _setting("", _WORDS, "what the endpoint calls the model; empty if it has only one")
    template: str = _setting(
        "",
        _WORDS,
        "for endpoints that accept no suffix: how the model marks a gap, as text with `{prefix}` and `{suffix}`",
    )
    key_environment: str = _setting("", _VARIABLE, "the environment variable that contains the key")
    key_command: tuple[str, ...] = _setting((), _COMMAND, "the command, word by word, that prints the key")


def cores() -> int:
    """Return the number of this machine's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def too_many_threads(threads: int | None) -> str:
    """Return how excess threads are handled, as the rest of a sentence; empty if there are none."""
    if threads is None or threads <= cores():
        return ""
    return f"is {threads}, but {cores()} cores can be used here, and more threads would hang; {cores()} are used"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which model the engine loads, and onto what.

    Attributes:
        model: `embedded`, `base`, `base-0.5b`, the path of a folder with config.json, tokenizer.json and safetensors,
            the name of a model that was downloaded, or `endpoint`.
        device: `cpu`, `cuda`, `mps`, `spread` over all GPUs and the CPU, or `auto` for the best there is.
        dtype: of the weights: `float32`, `bfloat16`, `float16`, `int8`, `int4`, or `auto` for the best on the device.
        reuse: what steps of a checkpoint that sees both ways take over from the first: `none`, what it made of the code
            before the gap (`prefix`), or on both sides (`dual`).
        compile: `auto` to compile forwards where that can be done, on CUDA; else `off`.
        threads: of the CPU; None for half of its cores, at least one.
        verify: the path of a folder with a causal model that checks what the model drafts; None for none.
        verify_by: `exact`: what comes out is what the causal model would write alone; `rank`: it ranks several drafts.
        endpoint: what is asked where the model is `endpoint`; else None.
    """

    model: str = "embedded"
    device: str = "auto"
    dtype: str = "auto"
    reuse: str = "none"
    compile: str = "off"
    threads: int | None = None
    verify: str | None = None
    verify_by: Literal["exact", "rank"] = "exact"
    endpoint: EndpointSettings | None = None

    def to_json(self) -> str:
        """Return all settings as one value, for the engine process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "EngineSettings":
        """Read the output of `to_json`."""
        fields = json.loads(text)
        if (endpoint := fields["endpoint"]) is not None:
            endpoint = EndpointSettings(**{**endpoint, "key_command": tuple(endpoint["key_command"])})
        return cls(**{**fields, "endpoint": endpoint})

    @property
    def embedded(self) -> "EngineSettings":
        """The corresponding settings for the embedded model, which needs no more than a CPU."""
        return EngineSettings(device="cpu", threads=self.threads)

    @property
    def can_fall_back(self) -> bool:
        """Whether the embedded model would differ from these settings."""
        beside = self.verify is not None or self.device not in ("auto", "cpu") or self.dtype != "auto"
        return self.model != "embedded" or beside

    @property
    def cpu_threads(self) -> int:
        """The number of threads a forward may use.

        By default half of the cores: the editor and its other servers run on the rest. Two threads gain the embedded
        model little and lose it much next to a busy program; a larger one gains a third (docs/log.md). Never more than
        there are cores.
        """
        least = 1 if self.model == "embedded" else 2
        return min(max(least, cores() // 2) if self.threads is None else self.threads, cores())


EngineCommand: TypeAlias = Callable[[EngineSettings], Sequence[str]]
"""From settings to the command line that starts an engine."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What an editor can set; `infill.` goes before each name."""

    enable: bool = _setting(True, _SWITCH, "whether anything is suggested")
    model: str | None = _setting(
        AUTO,
        _or_null(_TEXT),
        "`auto` or null: the model set by `infill-lsp models use`, else the largest that is downloaded, fits in "
        "memory and answers in time; or `base`, `base-0.5b`, `embedded`, another downloaded model's name, a folder's "
        "path, or `endpoint`",
    )
    offer_models: bool | None = _setting(
        None, _or_null(_SWITCH), "false: never offer to download a larger model; null: as you answered when asked"
    )
    device: str = _setting("auto", _one_of(*DEVICES), "where the model runs; `spread`: over all GPUs and the CPU")
    dtype: str = _setting(
        "auto",
        _one_of(*DTYPES),
        "the number format of the weights; `int8` and `int4` need bitsandbytes, except for `embedded`",
    )
    reuse: str = _setting(
        "none",
        _one_of(*REUSES),
        "what later steps of bidirectional checkpoints reuse from the first: faster, but not exact",
    )
    compile: str = _setting(
        "off",
        _one_of(*COMPILES),
        "`auto`: on CUDA, forward passes of bidirectional checkpoints are compiled, each length when first used",
    )
    threads: int | None = _setting(
        None,
        _or_null(_whole(1, 1024)),
        "CPU threads, never more than cores; null: half the number of cores, at least two for a larger model",
    )
    verify: VerifySettings = VerifySettings()
    endpoint: EndpointSettings = EndpointSettings()
    budget: RequestBudget = RequestBudget()
    confidence: float = _setting(0.3, _SHARE, "suggestions below this confidence are not shown while you type")
    candidates: int = _setting(4, _whole(1, 16), "suggestions to choose from when you request them by hand")
    completion: bool = _setting(
        False, _SWITCH, "whether suggestions also appear in the completion list, for editors without ghost text"
    )
    next_edit: bool = _setting(
        True, _SWITCH, "whether edits are offered that your last one calls for elsewhere in the document"
    )
    exclude: tuple[str, ...] = _setting(
        (), _TEXTS, "patterns, as in .gitignore, of files that are never read, besides the built-in ones for secrets"
    )
    context: ContextSettings = ContextSettings()
    log: str = _setting("info", _one_of("error", "warning", "info", "debug"), "what is written to the editor's log")

    @property
    def engine(self) -> EngineSettings:
        """The settings that require a new engine when they change."""
        return EngineSettings(
            model=self.model or AUTO,
            device=self.device,
            dtype=self.dtype,
            reuse=self.reuse,
            compile=self.compile,
            threads=self.threads,
            verify=self.verify.model,
            verify_by=self.verify.by,
            endpoint=self.endpoint if self.model == ENDPOINT else None,
        )

    def budget_ms(self, invoked: bool) -> int:
        """Return the milliseconds for a request; `auto` must have been resolved."""
        if invoked:
            return self.budget.invoked
        if self.model == ENDPOINT:
            return self.budget.endpoint
        from infill_model.catalogue import published  # noqa: PLC0415  # `initialize` need not wait for it.

        return self.budget.larger if published.find(self.model or "") else self.budget.automatic


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table."""

    name: str
    default: object
    kind: Kind
    meaning: str


def table(group: object = None, prefix: str = "infill.") -> Iterator[Setting]:
    """Yield all settings with their full names, in the order of their declaration above."""
    group = ServerSettings() if group is None else group
    for one in dataclasses.fields(group):  # type: ignore[arg-type]  # A dataclass of this module.
        value, name = getattr(group, one.name), prefix + _camel(one.name)
        if dataclasses.is_dataclass(value):
            yield from table(value, f"{name}.")
        else:
            yield Setting(name, value, one.metadata["kind"], one.metadata["meaning"])


RUNS_COMMANDS: Final = ("infill.endpoint.keyCommand",)
"""Settings that have a command run: they are the user's, who writes them into an editor or into config.json."""


def read(
    raw: object, base: ServerSettings, current: ServerSettings, *, without: Sequence[str] = ()
) -> tuple[ServerSettings, tuple[str, ...]]:
    """Return the settings that an editor has sent.

    Args:
        raw: JSON: an object with names as in the table, nested or with dots, with or without `infill` around it.
        base: values for settings that are missing or null.
        current: values for settings that are wrong.
        without: names of settings that are not accepted from this source.

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
            complaints.append(f"There is no setting {name}; it was ignored.{_about_keys(name)}")
        elif name in without:
            complaints.append(f"{name} is not accepted over a socket, because it runs a command; use config.json.")
        elif _is_no_choice(setting, value):
            settings = _with(settings, name, _value(base, name))
        elif complaint := _complaint(setting, value):
            complaints.append(f"{name} {complaint}; it was not changed.")
            settings = _with(settings, name, _value(current, name))
        else:
            settings = _with(settings, name, tuple(value) if isinstance(value, list) else value)
    if settings.threads != current.threads and (words := too_many_threads(settings.threads)):
        complaints.append(f"infill.threads {words}.")
    return settings, tuple(complaints)


def _is_no_choice(setting: Setting, value: object) -> bool:
    """Report whether a value leaves a setting to the user's own configuration."""
    return (value is None and setting.kind.fits(None)) or (setting.name, value) == ("infill.model", AUTO)


_NO_KEYS: Final = "name its variable in infill.endpoint.keyEnvironment, or a command that prints it in keyCommand"


def _about_keys(name: str) -> str:
    return f" A key is not a setting: {_NO_KEYS}." if re.search(r"key|token|secret", name, re.IGNORECASE) else ""


def _complaint(setting: Setting, value: object) -> str | None:
    """Return what is wrong with a value; a key is never repeated, because this goes to the log."""
    if any(looks_secret(it) for it in _texts(value)):
        return f"looks like a key, which is not a setting: {_NO_KEYS}"
    if setting.kind.fits(value):
        return None
    return f"must be {setting.kind.words}" + (f", not {_shown(value)}" if setting.kind.shown else "")


def _texts(value: object) -> list[str]:
    return [it for it in (value if isinstance(value, list) else [value]) if isinstance(it, str)]


def _flat(raw: Mapping[object, object], prefix: str) -> Iterator[tuple[str, object]]:
    groups = {setting.name.rpartition(".")[0] for setting in table()}
    for key, value in raw.items():
        name = f"{key}" if f"{key}".startswith("infill.") or key == "infill" else f"{prefix}{key}"
        if name in groups and (value is None or isinstance(value, dict)):
            yield from _flat(value or {}, f"{name}.")
        else:
            yield name, value


def _camel(field_name: str) -> str:
    first, *others = field_name.split("_")
    return first + "".join(it.capitalize() for it in others)


def _path(name: str) -> list[str]:
    """Return the fields that lead to a setting."""
    return [re.sub(r"[A-Z]", lambda it: f"_{it[0].lower()}", part) for part in name.split(".")[1:]]


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
    """Return the page docs/settings.md."""
    rows = "".join(
        f"| `{one.name}` | `{json.dumps(one.default)}` | {one.meaning} ({one.kind.words}) |\n" for one in table()
    )
    return f"""# Settings

Generated by `python -m infill_lsp.settings.settings` from the code. Editors send these as `initializationOptions` or as
the section `infill` of their configuration; changes take effect at once. An invalid value changes nothing and is
reported in the log. Settings that an editor leaves out come from the user's own `config.json`, which has the same names
in JSON. It is in the folder of the user's configuration (`~/.config/infill-lsp` on Linux), and `infill-lsp models use`
writes it. An editor's settings take precedence over it.

| name | default | meaning |
|---|---|---|
{rows}"""


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/settings.md").write_text(as_markdown(), encoding="utf-8")
