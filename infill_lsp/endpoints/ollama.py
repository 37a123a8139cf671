"""`/api/generate` of Ollama with `suffix`, for models whose template can fill in the middle."""

from collections.abc import Sequence

from infill_lsp.endpoints.api import AnswerPart, Api, Body, GapAsk, scored_entries


def body(ask: GapAsk) -> Body:
    """Return the request body according to https://docs.ollama.com/api/generate."""
    return {
        **ask.named,
        "prompt": ask.prefix_with_files,
        "suffix": ask.suffix or "\n",  # An empty one would be a chat.
        "stream": True,
        "logprobs": True,
        "options": {
            "num_predict": ask.tokens,
            "temperature": ask.temperature,
            "seed": ask.seed,
            "stop": ask.stop,
        },
    }


def pieces(value: object) -> Sequence[AnswerPart]:
    """Return the one part of an answer."""
    match value:
        case {"response": str(text), **rest}:
            tokens = scored_entries(rest.get("logprobs"))
            return [
                AnswerPart(text, 0, tokens, finished=rest.get("done") is True, cut=rest.get("done_reason") == "length")
            ]
    return []


API = Api("ollama", "/api/generate", body, pieces)
