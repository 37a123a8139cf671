"""A model folder in the hub's layout: config.json, tokenizer.json, model.safetensors.

Reading needs neither transformers nor pickle. Weights are stored as float32, bfloat16, or int8 with one scale per
output row (`<name>.scale`). Must not depend on how the model is used.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from infill_model.embedded.network import Network, Shape
from infill_model.errors import WeightsError
from infill_model.files.checks import check_folder, check_numbers
from infill_model.vocabulary import Vocabulary

EMBEDDED: Final = "embedded"
"""The name of the model that ships with the package."""

MODEL_TYPE: Final = "infill-denoiser"
StoredAs = Literal["float32", "bfloat16", "int8"]


def model_path(model: str | Path) -> Path:
    """Return the folder of a model: the embedded model's for its name, otherwise the given path."""
    return Path(__file__).parent / "weights" if str(model) == EMBEDDED else Path(model)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The contents of config.json.

    Attributes:
        name: of the model, for people.
        shape: of the network.
        languages: LSP language ids it was trained on.
        trained_tokens: context and canvas tokens it has been trained on.
    """

    name: str
    shape: Shape
    languages: tuple[str, ...]
    trained_tokens: int = 0

    def to_json(self) -> str:
        """Return the text of config.json."""
        return json.dumps({"model_type": MODEL_TYPE, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def load(cls, path: Path) -> "ModelConfig":
        """Read config.json.

        Raises:
            WeightsError: it is missing, not JSON, of another model type, or its sizes do not describe a network.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise WeightsError(f"{path}: cannot read the model's configuration ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{path}: not valid JSON ({error})") from error
        if not isinstance(values, dict) or values.get("model_type") != MODEL_TYPE:
            found = values.get("model_type") if isinstance(values, dict) else None
            raise WeightsError(f"{path}: model_type is {found!r}, but this backend reads {MODEL_TYPE!r}")
        try:
            return cls(
                str(values["name"]),
                _checked(values["shape"]),
                tuple(values["languages"]),
                int(values.get("trained_tokens", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{path}: a setting is missing or wrong ({error})") from error


def _checked(values: dict[str, Any]) -> Shape:
    shape = Shape(**values)
    bad = [it.name for it in fields(shape) if not 0 < getattr(shape, it.name) <= 10_000_000]
    if bad:
        raise ValueError(f"{', '.join(bad)} out of range")
    if shape.heads % shape.kv_heads or shape.head_width % 2:
        raise ValueError("heads must be a multiple of kv_heads, and head_width even")
    return shape


def read(folder: Path) -> tuple[ModelConfig, Vocabulary, dict[str, Tensor]]:
    """Read the configuration, vocabulary and weights of a model folder, with int8 weights still packed.

    Raises:
        WeightsError: a part is missing, truncated or corrupt, or the parts do not fit together.
    """
    check_folder(folder)
    config = ModelConfig.load(folder / "config.json")
    vocabulary = Vocabulary.load(folder / "tokenizer.json")
    path = folder / "model.safetensors"
    try:
        weights = load_file(path)
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: the weights are missing") from error
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: the weights are damaged or incomplete ({error}); download them again") from error
    check_numbers(path, weights.items())
    if vocabulary.size != config.shape.vocabulary:
        raise WeightsError(f"{folder}: the tokenizer has {vocabulary.size} ids, the network {config.shape.vocabulary}")
    return config, vocabulary, weights


def network(config: ModelConfig, weights: dict[str, Tensor], path: Path) -> Network:
    """Build a float32 network with these weights.

    Raises:
        WeightsError: a tensor is missing, unexpected, or of a different shape from the configuration.
    """
    dense = {name: _unpack(name, tensor, weights) for name, tensor in weights.items() if not name.endswith(".scale")}
    with torch.device("meta"):
        net = Network(config.shape)
    expected = {name: it.shape for name, it in net.named_parameters()}
    wrong = [
        name for name in expected.keys() | dense.keys() if name not in dense or expected.get(name) != dense[name].shape
    ]
    if wrong:
        raise WeightsError(f"{path}: the weights do not fit config.json (first difference: {min(wrong)})")
    net.load_state_dict(dense, assign=True)
    return net.eval()


def _unpack(name: str, tensor: Tensor, weights: dict[str, Tensor]) -> Tensor:
    scale = weights.get(f"{name}.scale")
    return tensor.float() if scale is None else tensor.float() * scale.float().unsqueeze(1)


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise (rows, columns) to int8 with float32 scales (rows,): symmetric, one scale per output row."""
    scale = weight.float().abs().amax(dim=1).clamp_min(1e-12) / 127
    return (weight.float() / scale.unsqueeze(1)).round().to(torch.int8), scale


def write(folder: Path, config: ModelConfig, tokenizer: str, net: Network, stored_as: StoredAs = "bfloat16") -> None:
    """Write a model folder; the weights are written last, so an interrupted write leaves no loadable folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights: dict[str, Tensor] = {}
    for name, parameter in net.named_parameters():
        value = parameter.detach().cpu().float()
        if stored_as == "int8" and value.ndim == 2:
            weights[name], weights[f"{name}.scale"] = quantise(value)
        else:
            weights[name] = value.contiguous() if stored_as == "float32" else value.to(torch.bfloat16)
    (folder / "config.json").write_text(config.to_json(), encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    partial = folder / "model.safetensors.partial"
    save_file(weights, partial, metadata={"format": "pt"})
    partial.chmod(0o644)  # Every user of an installation must be able to read the weights.
    partial.replace(folder / "model.safetensors")
