"""Requests of other clients, and how each reads the answer.

Those of llama.vim and minuet were recorded from the plugins in Neovim 0.10, typing in a file of ours; those of
llama.vscode follow its source. What is recorded is as it came but for the time that llama.vim grants, 250 ms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CURL = {"user-agent": "curl/7.88.1", "accept": "*/*", "content-type": "application/json"}
JSON = {**CURL, "accept": "application/json"}
AXIOS = {"accept": "application/json, text/plain, */*", "content-type": "application/json"}

PREFIX = 'import json\n\n\ndef load(path):\n    """Read a file of JSON."""\n'
SUFFIX = '\n\n\nprint(load("a.json"))\n'


@dataclass(frozen=True)
class Recorded:
    """A request and how its client reads the answer: the text that it shows, empty for a request to warm a cache."""

    client: str
    path: str
    head: dict[str, str]
    body: dict[str, Any]
    read: Callable[[Any], str]
    empty: bool = False


def infill_text(answer: Any) -> str:
    """Return the text of an answer of /infill, which must have what llama.vim shows beside it."""
    timings = answer["timings"]
    for name in ("n", "ms", "per_second"):
        assert timings[f"prompt_{name}"] >= 0
        assert timings[f"predicted_{name}"] >= 0
    assert answer["truncated"] is False
    assert answer["tokens_cached"] >= 0
    return str(answer["content"])


def delta_text(answer: Any) -> str:
    """Return the text of a stream of /v1/fim/completions as minuet joins it."""
    *values, end = answer
    assert end == "[DONE]"
    return "".join(it["choices"][0]["delta"]["content"] or "" for it in values)


def choice_text(answer: Any) -> str:
    """Return the text of a stream of /v1/completions as minuet joins it."""
    *values, end = answer
    assert end == "[DONE]"
    return "".join(it["choices"][0]["text"] or "" for it in values)


LLAMA_VIM = {  # ggml-org/llama.vim a1c8e6e, llama#fim
    "input_suffix": SUFFIX,
    "response_fields": [
        "content",
        "timings/prompt_n",
        "timings/prompt_ms",
        "timings/prompt_per_token_ms",
        "timings/prompt_per_second",
        "timings/predicted_n",
        "timings/predicted_ms",
        "timings/predicted_per_token_ms",
        "timings/predicted_per_second",
        "truncated",
        "tokens_cached",
    ],
    "t_max_prompt_ms": 500,
    "input_prefix": PREFIX,
    "t_max_predict_ms": 20_000,
    "n_indent": 4,
    "stop": [],
    "stream": False,
    "top_k": 40,
    "prompt": "    with open(",
    "top_p": 0.9,
    "input_extra": [],
    "id_slot": 0,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "n_predict": 128,
    "model": "",
}
LLAMA_VIM_WARMS = {  # The same, of the excerpts of other files that later requests bring along.
    "input_suffix": "",
    "input_prefix": "",
    "temperature": 0.0,
    "input_extra": [{"filename": "a.py", "time": [16595, 967801075], "text": f"{PREFIX}    with open({SUFFIX}"}],
    "id_slot": 0,
    "samplers": [],
    "n_predict": 0,
    "model": "",
    "response_fields": [""],
    "t_max_predict_ms": 1,
    "stream": False,
    "cache_prompt": True,
    "prompt": "",
    "t_max_prompt_ms": 1,
}
LLAMA_VSCODE = {  # ggml-org/llama.vscode 009e5b7, src/llama-server.ts: createRequestPayload
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
    "t_max_predict_ms": 20_000,
}
MINUET = {  # milanglacier/minuet-ai.nvim 479487c with openai_fim_compatible or codestral as its provider
    "stop": ["\n\n"],
    "stream": True,
    "prompt": f"# language: python\n# indentation: use 4 spaces for a tab\n{PREFIX}    with open",
    "max_tokens": 64,
    "suffix": '(\n\n\nprint(load("a.json"))',
    "model": "embedded",
}
REQUESTS = [
    Recorded("llama.vim", "/infill", CURL, LLAMA_VIM, infill_text),
    Recorded("llama.vim, warming", "/infill", CURL, LLAMA_VIM_WARMS, infill_text, empty=True),
    Recorded("llama.vscode", "/infill", AXIOS, LLAMA_VSCODE, infill_text),
    Recorded("minuet, openai_fim_compatible", "/v1/completions", JSON, MINUET, choice_text),
    Recorded("minuet, codestral", "/v1/fim/completions", JSON, MINUET, delta_text),
]
