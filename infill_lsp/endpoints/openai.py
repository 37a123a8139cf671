"""`/v1/completions` with `suffix`, as provided by OpenAI, SGLang, DeepSeek and many others.

For an endpoint without suffix, such as vLLM, a template writes the gap into the prompt (`templated`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from infill_lsp.endpoints.api import AnswerPart, Api, Body, GapAsk, scored, scored_entries


def body(ask: GapAsk) -> Body:
    """Return the request body, with `logprobs` to learn how sure the model was."""
    return {
        **ask.named,
        "prompt": ask.prefix_with_files,
        **({"suffix": ask.suffix} if ask.suffix else {}),
        "max_tokens": ask.tokens,
        "temperature": ask.temperature,
        "stop": ask.stop,
        "stream": True,
        "logprobs": 1,
        **({"n": ask.n, "seed": ask.seed} if ask.temperature else {}),
    }


def templated(template: str) -> Callable[[GapAsk], Body]:
    """Return a function that makes the request body by inserting prefix and suffix into a template."""

    def fill(ask: GapAsk) -> Body:
        # In one pass, because the code itself may contain {suffix}.
        before, _, rest = template.partition("{prefix}")
        between, _, after = rest.partition("{suffix}")
        prompt = f"{before}{ask.prefix_with_files}{between}{ask.suffix}{after}"
        return body(replace(ask, prefix=prompt, suffix="", files=()))

    return fill


def pieces(value: object) -> Sequence[AnswerPart]:
    """Return one part per choice."""
    match value:
        case {"choices": [*choices]}:
            return [_piece(it) for it in choices]
    return []


def _piece(choice: object) -> AnswerPart:
    match choice:
        case {"text": str(text)}:
            pass
        case {"delta": {"content": str(text)}} | {"message": {"content": str(text)}}:
            pass
        case _:
            text = ""
    known: dict[str, object] = choice if isinstance(choice, dict) else {}
    index, reason = known.get("index"), known.get("finish_reason")
    return AnswerPart(
        text,
        index if isinstance(index, int) else 0,
        _scored(known.get("logprobs")),
        finished=reason is not None,
        cut=reason == "length",
    )


def _scored(logprobs: object) -> tuple[tuple[str, float], ...]:
    """Read log-probabilities in OpenAI's format for completions, or for chats, which llama.cpp uses."""
    match logprobs:
        case {"tokens": tokens, "token_logprobs": numbers}:
            return scored(tokens, numbers)
        case {"content": entries}:
            return scored_entries(entries)
    return ()


API = Api("openai", "/v1/completions", body, pieces, several=True)
