"""Requests of other clients, as their source at the named commit makes them; code and values are ours."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PREFIX = 'import json\n\n\ndef load(path):\n    """Read a file of JSON."""\n'
SUFFIX = "\n\n\nprint(load('a.json'))\n"
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Recorded:
    """A request and how its client reads the answer: the text that it shows."""

    client: str
    path: str
    body: dict[str, Any]
    read: Callable[[Any], str]
    head: dict[str, str] = field(default_factory=lambda: dict(JSON))
    empty: bool = False


def _timed(answer: Any) -> str:
    """Read an answer of /infill: the text, and the times that llama.vim shows."""
    timings = answer["timings"]
    assert {"prompt_n", "prompt_ms", "prompt_per_second", "predicted_n", "predicted_ms", "predicted_per_second"} <= set(
        timings
    )
    assert answer["truncated"] is False
    assert answer["tokens_cached"] >= 0
    return str(answer["content"])


def _deltas(answer: Any) -> str:
    *values, end = answer
    assert end == "[DONE]"
    return "".join(it["choices"][0]["delta"]["content"] or "" for it in values)


def _texts(answer: Any) -> str:
    *values, end = answer
    assert end == "[DONE]"
    return "".join(it["choices"][0]["text"] or "" for it in values)


# ggml-org/llama.vim a1c8e6e, autoload/llama.vim: s:fim_on_... and llama#fim; sent by curl.
LLAMA_VIM = {
    "id_slot": 0,
    "input_prefix": PREFIX,
    "input_suffix": SUFFIX,
    "input_extra": [{"text": "def save(path, value):\n    ...\n", "time": [1, 2], "filename": "save.py"}],
    "prompt": "    with open(",
    "n_predict": 128,
    "stop": [],
    "n_indent": 4,
    "top_k": 40,
    "top_p": 0.90,
    "samplers": ["top_k", "top_p", "infill"],
    "stream": False,
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 3000,
    "response_fields": ["content", "timings/prompt_n", "timings/prompt_ms", "truncated", "tokens_cached"],
    "model": "",
}
LLAMA_VIM_WARM = {
    **{name: LLAMA_VIM[name] for name in ("id_slot", "input_extra", "stream", "cache_prompt", "model")},
    "input_prefix": "",
    "input_suffix": "",
    "prompt": "",
    "n_predict": 0,
    "temperature": 0.0,
    "samplers": [],
    "t_max_prompt_ms": 1,
    "t_max_predict_ms": 1,
    "response_fields": [""],
}
# ggml-org/llama.vscode 009e5b7, src/llama-server.ts: createRequestPayload; sent by axios.
LLAMA_VSCODE = {
    "input_prefix": PREFIX,
    "input_suffix": SUFFIX,
    "input_extra": [{"text": "def save(path, value):\n    ...\n", "time": 1, "filename": "save.py"}],
    "prompt": "    with open(",
    "n_predict": 128,
    "top_k": 40,
    "top_p": 0.99,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "n_indent": 4,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 2500,
}
AXIOS = {**JSON, "accept": "application/json, text/plain, */*"}
REQUESTS = [
    Recorded("llama.vim", "/infill", LLAMA_VIM, _timed),
    Recorded("llama.vim, to warm a cache", "/infill", LLAMA_VIM_WARM, _timed, empty=True),
    Recorded("llama.vscode", "/infill", LLAMA_VSCODE, _timed, AXIOS),
    # milanglacier/minuet-ai.nvim 479487c, lua/minuet/backends: codestral and openai_fim_compatible; sent by curl.
    Recorded(
        "minuet, codestral",
        "/v1/fim/completions",
        {"model": "embedded", "prompt": PREFIX + "    with open(", "suffix": SUFFIX, "stream": True, "max_tokens": 64},
        _deltas,
    ),
    Recorded(
        "minuet, openai_fim_compatible",
        "/v1/completions",
        {"model": "embedded", "prompt": PREFIX + "    with open(", "suffix": SUFFIX, "stream": True, "stop": ["\n\n"]},
        _texts,
    ),
]
