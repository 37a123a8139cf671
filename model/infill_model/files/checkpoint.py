"""A checkpoint folder as the hub has it: config.json, safetensors, the tokens that were added to its vocabulary.

Everything is read as data: no code that comes with a checkpoint is run, and no pickle is opened. What would need either
is refused with a sentence that says what to do. It knows files, and nothing of the families of models.
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
    """What config.json says; each value is asked for by name and type, so that a wrong one is an error at once."""

    path: Path
    values: Mapping[str, Json]

    @property
    def model_type(self) -> str:
        """Which kind of model it says it is."""
        return self.text("model_type", "")

    @property
    def wants_code(self) -> bool:
        """Whether the checkpoint brings Python code of its own; it is never run."""
        return "auto_map" in self.values

    def number(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if value is None and default is not None:
            return default
        raise WeightsError(f"{self.path}: {key} should be a whole number, not {value!r}")

    def token(self, key: str) -> int:
        """The id of a token; the first where there are several."""
        value = self.values.get(key)
        first = value[0] if isinstance(value, list) and value else value
        return CheckpointConfig(self.path, {key: first}).number(key)

    def real(self, key: str, default: float | None = None) -> float:
        """A number."""
        value = self.values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if value is None and default is not None:
            return default
        raise WeightsError(f"{self.path}: {key} should be a number, not {value!r}")

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value = self.values.get(key)
        if isinstance(value, str):
            return value
        if value is None and default is not None:
            return default
        raise WeightsError(f"{self.path}: {key} should be a string, not {value!r}")

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if isinstance(value, bool):
            return value
        raise WeightsError(f"{self.path}: {key} should be true or false, not {value!r}")

    def part(self, key: str) -> "CheckpointConfig":
        """An object within; an empty one where there is none."""
        value = self.values.get(key)
        return CheckpointConfig(self.path, value if isinstance(value, dict) else {})

    def refuse(self, key: str, *supported: Json) -> None:
        """Raise if `key` is set to anything but what is supported; left out, or null, is fine."""
        value = self.values.get(key)
        if value is not None and value not in supported:
            raise WeightsError(f"{self.path}: {key} is {value!r}, which this backend does not know how to run")

    @property
    def rope_theta(self) -> float:
        """The base of the rotary positions, in the old place or the new one; scaled positions are refused."""
        self.refuse("rope_scaling")
        rope = self.part("rope_parameters")
        rope.refuse("rope_type", "default")
        return rope.real("rope_theta", self.real("rope_theta", 10_000.0))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint folder whose configuration was read; the weights are read when they are asked for.

    Attributes:
        folder: where it is.
        config: what config.json says.
        added: the tokens added to the tokenizer, and their ids.
    """

    folder: Path
    config: CheckpointConfig
    added: Mapping[str, int]

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        """Read what says which model it is.

        Raises:
            WeightsError: there is no such folder, or no readable config.json in it.
        """
        check_folder(folder)
        path = folder / "config.json"
        if not path.exists():
            raise WeightsError(f"{folder}: there is no config.json in it, so it is no checkpoint; was it downloaded?")
        return cls(folder, CheckpointConfig(path, read_json(path)), _added_tokens(folder))

    def added_id(self, *names: str) -> int | None:
        """The id of the first of these tokens that was added."""
        return next((self.added[name] for name in names if name in self.added), None)

    def marks_but(self, end: int) -> tuple[int, ...]:
        """The ids of added tokens that are marks, such as those of a chat, and no text; `end` is left out."""
        return tuple(sorted({number for name, number in self.added.items() if name.startswith(("<|", "<["))} - {end}))

    def weight_files(self) -> list[Path]:
        """The files of weights, all of them there.

        Raises:
            WeightsError: some are missing, or there are only pickles.
        """
        index, whole = self.folder / _INDEX, self.folder / _WEIGHTS
        if index.exists():
            places = read_json(index).get("weight_map")
            if not isinstance(places, dict):
                raise WeightsError(f"{index}: it does not say where the weights are; fetch it again")
            names = sorted({str(name) for name in places.values()})
            missing = [name for name in names if Path(name).name != name or not (self.folder / name).is_file()]
            if missing:
                raise WeightsError(
                    f"{self.folder}: {len(missing)} of {len(names)} weight files are missing (first {missing[0]}); "
                    "the download stopped half way, start it again and it will go on where it was"
                )
            return [self.folder / name for name in names]
        if whole.exists():
            return [whole]
        pickles = sorted(path.name for kind in _PICKLES for path in self.folder.glob(kind))
        if pickles:
            raise WeightsError(
                f"{self.folder}: its weights are pickled ({pickles[0]}), and opening a pickle can run code, so it is "
                "never done; use a release of this model in safetensors, or convert it, on a machine you can spare, "
                "with `torch.load(FILE, weights_only=True)` and `safetensors.torch.save_file`"
            )
        raise WeightsError(f"{self.folder}: there are no weights in it ({_WEIGHTS}); finish the download")

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All weights by name, one after the other, so that no more than one is in memory twice.

        Raises:
            WeightsError: a file is missing, cut short or damaged.
        """
        for path in self.weight_files():
            try:
                with safe_open(path, "pt") as file:
                    for name in file.keys():  # noqa: SIM118  # It is no mapping.
                        tensor = file.get_tensor(name)
                        check_numbers(path, [(name, tensor)])
                        yield name, tensor
            except (SafetensorError, OSError) as error:
                raise WeightsError(f"{path}: the file is damaged or incomplete ({error}); fetch it again") from error


def read_json(path: Path) -> dict[str, Json]:
    """The object in a JSON file.

    Raises:
        WeightsError: it cannot be read, or is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not valid JSON ({error}); fetch it again") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path}: not a JSON object; fetch it again")
    return values


def _added_tokens(folder: Path) -> dict[str, int]:
    """Tokens added to the vocabulary, from whichever of the usual three files there are."""
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
