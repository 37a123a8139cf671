"""Open checkpoints by name, for listings: description, size, licence, and how far each was verified.

Plain values without torch. It does not restrict loading: any checkpoint of a known family loads, listed or not.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Verified = Literal["logits and decodes", "logits", "no"]
"""How it was compared with the family's own reference code, on a tiny random checkpoint (tests/model/checkpoints)."""


_BLOCKWISE: Final = frozenset(
    {"sdar", "sdar-moe", "stable-diffcoder", "fast-dllm-v2", "llada2", "bd3lm", "diffusion-gemma", "causal"}
)
"""Families whose blocks do not see later ones."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A published checkpoint.

    Attributes:
        name: on the hub; the family's name if no single checkpoint represents it.
        family: the family that runs it.
        parameters: their number, in all experts.
        licence: of the weights, as far as known; read the card before a download.
        verified: how far the family's loader was compared with its reference.
        about: its main use.
    """

    name: str
    family: str
    parameters: float
    licence: str
    verified: Verified
    about: str

    @property
    def exact_cache(self) -> bool:
        """Whether the code before the gap is not run again in each step, because its blocks do not see later ones."""
        return self.family in _BLOCKWISE


_READ_CARD: Final = "see its card"
_UNSTATED: Final = "none on its card"
_BOTH: Final = "logits and decodes"

ENTRIES: Final = (
    Entry("fredzzp/open-dcoder-0.5B", "open-dcoder", 0.49e9, "Apache-2.0", _BOTH, "the smallest; for laptops"),
    Entry("Dream-org/Dream-Coder-v0-Instruct-7B", "dream", 7.6e9, "Apache-2.0", _BOTH, "code, both ways"),
    Entry("Dream-org/Dream-v0-Instruct-7B", "dream", 7.6e9, "Apache-2.0", _BOTH, "general, both ways"),
    Entry("apple/DiffuCoder-7B-Instruct", "dream", 7.6e9, "Apple AMLR", _BOTH, "code, both ways"),
    Entry("Dream-org/DreamOn-v0-7B", "dreamon", 7.6e9, _READ_CARD, _BOTH, "finds the length itself"),
    Entry("GSAI-ML/LLaDA-8B-Base", "llada", 8.0e9, "MIT", _BOTH, "general, both ways"),
    Entry("GSAI-ML/LLaDA-8B-Instruct", "llada", 8.0e9, "MIT", _BOTH, "general, both ways"),
    Entry("GSAI-ML/LLaDA-1.5", "llada", 8.0e9, "MIT", _BOTH, "general, both ways"),
    Entry("GSAI-ML/iLLaDA-8B-Base", "illada", 7.6e9, "Apache-2.0", "no", "general, both ways"),
    Entry("GSAI-ML/iLLaDA-8B-Instruct", "illada", 7.6e9, "Apache-2.0", "no", "general, both ways"),
    Entry("JetLM/SDAR-1.7B-Chat", "sdar", 1.7e9, "Apache-2.0", _BOTH, "blocks of 4; code behind the gap as a prompt"),
    Entry("JetLM/SDAR-4B-Chat", "sdar", 4.0e9, "Apache-2.0", _BOTH, "blocks of 4; code behind the gap as a prompt"),
    Entry("JetLM/SDAR-30B-A3B-Chat", "sdar-moe", 30.5e9, _READ_CARD, "no", "experts, blocks of 4"),
    Entry("Efficient-Large-Model/Fast_dLLM_v2_1.5B", "fast-dllm-v2", 1.5e9, _READ_CARD, _BOTH, "blocks of 32"),
    Entry("Efficient-Large-Model/Fast_dLLM_v2_7B", "fast-dllm-v2", 7.6e9, "Apache-2.0", _BOTH, "blocks of 32"),
    Entry("ByteDance-Seed/Stable-DiffCoder-8B-Base", "stable-diffcoder", 8.3e9, "MIT", "no", "code, blocks of 4"),
    Entry("ByteDance-Seed/Stable-DiffCoder-8B-Instruct", "stable-diffcoder", 8.3e9, "MIT", "no", "code, blocks of 4"),
    Entry("inclusionAI/LLaDA2.0-mini", "llada2", 16e9, "Apache-2.0", _BOTH, "experts, blocks of 32"),
    Entry("google/diffusiongemma-26B-A4B-it", "diffusion-gemma", 26e9, _READ_CARD, _BOTH, "experts, canvases of noise"),
    Entry("kuleshov-group/mdlm-owt", "mdlm", 0.17e9, "Apache-2.0", "no", "research, web text, both ways"),
    Entry("kuleshov-group/bd3lm-owt-block_size4", "bd3lm", 0.17e9, _READ_CARD, "no", "research, web text, blocks of 4"),
    Entry("louaaron/sedd-small", "sedd", 0.17e9, _READ_CARD, "no", "research, web text, its own analytic step"),
    Entry("louaaron/sedd-medium", "sedd", 0.42e9, _UNSTATED, "no", "research, web text, its own analytic step"),
    Entry("Qwen/Qwen2.5-Coder-0.5B", "causal", 0.49e9, "Apache-2.0", "no", "left to right: the control"),
    Entry("Qwen/Qwen2.5-Coder-7B", "causal", 7.6e9, "Apache-2.0", "no", "left to right: the control"),
    Entry("bigcode/starcoder2-3b", "causal", 3.0e9, "BigCode OpenRAIL-M", "no", "left to right: the control"),
    Entry("deepseek-ai/deepseek-coder-1.3b-base", "causal", 1.3e9, "DeepSeek", "no", "left to right: the control"),
    Entry("google/codegemma-2b", "causal", 2.5e9, "Gemma", "no", "left to right: the control"),
    Entry("JetBrains/Mellum-4b-base", "causal", 4.0e9, "Apache-2.0", "no", "left to right: the control"),
    Entry("ibm-granite/granite-3b-code-base-2k", "causal", 3.5e9, "Apache-2.0", "no", "left to right: the control"),
)


def embedded_weights() -> Path:
    """Return the path of the weights that ship with the package."""
    return Path(__file__).parent.parent / "embedded" / "weights" / "model.safetensors"


def embedded_parameters() -> int:
    """Return the number of their parameters, from the file's own table of contents."""
    with embedded_weights().open("rb") as file:
        contents = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    named = {name: it for name, it in contents.items() if name != "__metadata__" and not name.endswith(".scale")}
    return sum(math.prod(it["shape"]) for it in named.values())
