"""A checkpoint folder in the hub's layout: config.json, safetensors, the tokens added to its vocabulary.

Everything is read as data: no code that comes with a checkpoint is run, and no pickle is opened. A checkpoint that
needs either is refused with a message that says what to do. Must not depend on the families of models.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from safetensors import SafetensorError, safe_open
from torch import Tensor

from infill_model.errors import WeightsError
from infill_model.files.checks import check_folder, check_numbers

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value of a JSON file."""

_INDEX: Final = "model.safetensors.index.json"
_WEIGHTS: Final = "model.safetensors"
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """The contents of config.json; each value is requested by name and type, so a wrong one is an error at once."""

    path: Path
    values: Mapping[str, Json]

    @property
    def model_type(self) -> str:
        """The kind of model according to config.json."""
        return self.text("model_type", "")

    @property
    def wants_code(self) -> bool:
        """Whether the checkpoint comes with Python code; it is never run."""
        return "auto_map" in self.values

    def number(self, key: str, default: int | None = None) -> int:
        """Return a whole number."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if value is None and default is not None:
            return default
        raise WeightsError(f"{self.path}: {key} should be a whole number, not {value!r}")

    def token(self, key: str) -> int:
        """Return the id of a token; the first if there are several."""
        value = self.values.get(key)
        first = value[0] if isinstance(value, list) and value else value
        return CheckpointConfig(self.path, {key: first}).number(key)

    def real(self, key: str, default: float | None = None) -> float:
        """Return a number."""
        value = self.values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if value is None and default is not None:
            return default
        raise WeightsError(f"{self.path}: {key} should be a number, not {value!r}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string."""
        value = self.values.get(key)
        if isinstance(value, str):
            return value
        if value is None and default is not None:
            return default
        raise WeightsError(f"{self.path}: {key} should be a string, not {value!r}")

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self.values.get(key, default)
        if isinstance(value, bool):
            return value
        raise WeightsError(f"{self.path}: {key} should be true or false, not {value!r}")

    def part(self, key: str) -> "CheckpointConfig":
        """Return a nested object; an empty one if it is missing."""
        value = self.values.get(key)
        return CheckpointConfig(self.path, value if isinstance(value, dict) else {})

    def refuse(self, key: str, *supported: Json) -> None:
        """Raise if `key` is set to an unsupported value; missing or null is fine."""
        value = self.values.get(key)
        if value is not None and value not in supported:
            raise WeightsError(f"{self.path}: {key} is {value!r}, which this backend does not support")

    @property
    def rope_theta(self) -> float:
        """The base of the rotary positions, from the old key or the new one; scaled positions are refused."""
        self.refuse("rope_scaling")
        rope = self.part("rope_parameters")
        rope.refuse("rope_type", "default")
        return rope.real("rope_theta", self.real("rope_theta", 10_000.0))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint folder whose configuration has been read; the weights are read on request.

    Attributes:
        folder: its path.
        config: the contents of config.json.
        added: the tokens added to the tokenizer, and their ids.
    """

    folder: Path
    config: CheckpointConfig
    added: Mapping[str, int]

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        """Read the files that identify the model.

        Raises:
            WeightsError: there is no such folder, or it has no readable config.json.
        """
        check_folder(folder)
        path = folder / "config.json"
        if not path.exists():
            raise WeightsError(f"{folder}: no config.json found, so this is not a checkpoint; was it downloaded?")
        return cls(folder, CheckpointConfig(path, read_json(path)), _added_tokens(folder))

    def added_id(self, *names: str) -> int | None:
        """Return the id of the first of these tokens that was added."""
        return next((self.added[name] for name in names if name in self.added), None)

    def marks_but(self, end: int) -> tuple[int, ...]:
        """Return the ids of added tokens that are marks, such as chat markers, and not text; `end` is left out."""
        return tuple(sorted({number for name, number in self.added.items() if name.startswith(("<|", "<["))} - {end}))

    def weight_files(self) -> list[Path]:
        """Return the weight files, after checking that all of them exist.

        Raises:
            WeightsError: some are missing, or there are only pickles.
        """
        index, whole = self.folder / _INDEX, self.folder / _WEIGHTS
        if index.exists():
            places = read_json(index).get("weight_map")
            if not isinstance(places, dict):
                raise WeightsError(f"{index}: does not say where the weights are; download it again")
            names = sorted({str(name) for name in places.values()})
            missing = [name for name in names if Path(name).name != name or not (self.folder / name).is_file()]
            if missing:
                raise WeightsError(
                    f"{self.folder}: {len(missing)} of {len(names)} weight files are missing (first {missing[0]}); "
                    "the download was interrupted; start it again and it will resume"
                )
            return [self.folder / name for name in names]
        if whole.exists():
            return [whole]
        pickles = sorted(path.name for kind in _PICKLES for path in self.folder.glob(kind))
        if pickles:
            raise WeightsError(
                f"{self.folder}: its weights are pickled ({pickles[0]}), and opening a pickle can run code, so it is "
                "never done; use a release of this model in safetensors, or convert it, on an isolated machine, "
                "with `torch.load(FILE, weights_only=True)` and `safetensors.torch.save_file`"
            )
        raise WeightsError(f"{self.folder}: contains no weights ({_WEIGHTS}); finish the download")

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all weights by name, one by one, so that no more than one is in memory twice.

        Raises:
            WeightsError: a file is missing, truncated or damaged.
        """
        for path in self.weight_files():
            try:
                with safe_open(path, "pt") as file:
                    for name in file.keys():  # noqa: SIM118  # It is not a mapping.
                        tensor = file.get_tensor(name)
                        check_numbers(path, [(name, tensor)])
                        yield name, tensor
            except (SafetensorError, OSError) as error:
                raise WeightsError(f"{path}: the file is damaged or incomplete ({error}); download it again") from error


def read_json(path: Path) -> dict[str, Json]:
    """Read the object in a JSON file.

    Raises:
        WeightsError: the file cannot be read, or holds no object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not valid JSON ({error}); download it again") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path}: not a JSON object; download it again")
    return values


def _added_tokens(folder: Path) -> dict[str, int]:
    """Return the tokens added to the vocabulary, from the usual three files, as far as they exist."""
    added: dict[str, int] = {}
    if (path := folder / "tokenizer.json").exists():
        entries = read_json(path).get("added_tokens")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("id"), int):
                added[str(entry.get("content"))] = int(str(entry["id"]))
    if (path := folder / "tokenizer_config.json").exists():
        by_id = read_json(path).get("added_tokens_decoder")
        for number, entry in by_id.items() if isinstance(by_id, dict) else []:
            if isinstance(entry, dict) and number.isdigit():
                added[str(entry.get("content"))] = int(number)
    if (path := folder / "added_tokens.json").exists():
        added |= {name: number for name, number in read_json(path).items() if isinstance(number, int)}
    return added
