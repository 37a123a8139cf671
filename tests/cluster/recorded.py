"""Requests of other clients, and how each reads the answer.

Those of llama.vim and minuet were recorded from the plugins in Neovim 0.10, typing in a file of ours; those of
llama.vscode, Continue and Twinny follow their source. What is recorded is as it came but for the time that llama.vim
grants, 250 ms.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

CURL = {"user-agent": "curl/7.88.1", "accept": "*/*", "content-type": "application/json"}
JSON = {**CURL, "accept": "application/json"}
FETCH = {"content-type": "application/json"}
CONTINUE_HEAD = {**FETCH, "accept": "application/json"}
AXIOS = {"accept": "application/json, text/plain, */*", "content-type": "application/json"}

PREFIX = 'import json\n\n\ndef load(path):\n    """Read a file of JSON."""\n'
SUFFIX = '\n\n\nprint(load("a.json"))\n'


@dataclass(frozen=True)
class Recorded:
    """A request and how its client reads the answer.

    Attributes:
        client: its name, and the setting that makes it ask so.
        path: of the request.
        head: its headers, but for the token.
        body: its body.
        read: returns the text that the client shows.
        empty: whether that is empty, as of a request to warm a cache.
        raw: whether `read` takes a stream as it came; else its events.
    """

    client: str
    path: str
    head: dict[str, str]
    body: dict[str, Any]
    read: Callable[[Any], str]
    empty: bool = False
    raw: bool = False


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


def by_continue(stream: str) -> str:
    """Return the text of a stream as Continue joins it (packages/fetch/src/stream.ts)."""
    found = ""
    for line in stream.split("\n"):
        if line.startswith(("data: [DONE]", "data:[DONE]")):
            break
        if line.startswith("data:"):
            value = json.loads(line.removeprefix("data:"))
            assert "error" not in value
            choice = value["choices"][0]
            found += choice.get("text") or choice.get("delta", {}).get("content") or ""
    return found


def by_twinny(stream: str) -> str:
    """Return the text of a stream as Twinny joins it (src/extension/llm.ts)."""
    found = ""
    for line in stream.split("\n"):
        with suppress(ValueError):
            value = json.loads(line.split("data:")[1] if line.startswith("data:") else line)
            if value["choices"]:
                found += value["choices"][0]["text"] or ""
    return found


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
CONTINUE = {  # continuedev/continue d0a3c0b (provider: mistral), packages/openai-adapters/src/apis/OpenAI.ts
    "model": "embedded",
    "prompt": f"# Path: load.py\n{PREFIX}    with open",
    "suffix": '(\n\n\nprint(load("a.json"))',
    "max_tokens": 4096,
    "temperature": 0.01,
    "stop": [
        "<fim_prefix>",
        "<fim_suffix>",
        "<fim_middle>",
        "<file_sep>",
        "<|endoftext|>",
        "</fim_middle>",
        "</code>",
        "/src/",
        "#- coding: utf-8",
        "```",
    ],
    "stream": True,
}
CONTINUE_OPENAI = {  # The same (provider: openai), core/llm/llms/OpenAI.ts
    **{name: value for name, value in CONTINUE.items() if name != "suffix"},
    "prompt": f"<fim_prefix>{CONTINUE['prompt']}<fim_suffix>{CONTINUE['suffix']}<fim_middle>",
}
TWINNY = {  # twinnydotdev/twinny 193d14c with LM Studio as its provider, src/extension/provider-options.ts
    "model": "embedded",
    "prompt": "<PRE> \n\n# Language: Python (python) \n# File uri: file:///home/ada/load.py (python) \n"
    f'{PREFIX}    with open <SUF> (\n\n\nprint(load("a.json")) <MID>',
    "stream": True,
    "temperature": 0.2,
    "max_tokens": 512,
}
REQUESTS = [
    Recorded("llama.vim", "/infill", CURL, LLAMA_VIM, infill_text),
    Recorded("llama.vim, warming", "/infill", CURL, LLAMA_VIM_WARMS, infill_text, empty=True),
    Recorded("llama.vscode", "/infill", AXIOS, LLAMA_VSCODE, infill_text),
    Recorded("minuet, openai_fim_compatible", "/v1/completions", JSON, MINUET, choice_text),
    Recorded("minuet, codestral", "/v1/fim/completions", JSON, MINUET, delta_text),
    Recorded(
        "Continue, mistral",
        "/v1/fim/completions",
        {**FETCH, "accept": "application/json"},
        CONTINUE,
        by_continue,
        raw=True,
    ),
    Recorded("Continue, openai", "/v1/completions", FETCH, CONTINUE_OPENAI, by_continue, raw=True),
    Recorded("Twinny, LM Studio", "/v1/completions", FETCH, TWINNY, by_twinny, raw=True),
]
