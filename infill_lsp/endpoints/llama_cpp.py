"""`/infill` of llama.cpp's server, which puts the model's own marks around prefix and suffix."""

from collections.abc import Sequence

from infill_lsp.endpoints.api import AnswerPart, Api, Body, GapAsk, scored_entries


def body(ask: GapAsk) -> Body:
    """Return the request body according to tools/server/README.md, "POST /infill"."""
    return {
        **ask.named,
        "input_prefix": ask.prefix,
        "input_suffix": ask.suffix,
        "input_extra": [{"filename": f"excerpt{at}", "text": it} for at, it in enumerate(ask.files, 1)],
        "prompt": "",
        "n_predict": ask.tokens,
        "temperature": ask.temperature,
        "seed": ask.seed,
        "stop": ask.stop,
        "n_probs": 1,
        "cache_prompt": True,
        "stream": True,
    }


def pieces(value: object) -> Sequence[AnswerPart]:
    """Return the one part of an answer."""
    match value:
        case {"content": str(text), **rest}:
            tokens = scored_entries(rest.get("completion_probabilities"))
            cut = rest.get("stop_type") == "limit"
            return [AnswerPart(text, tokens=tokens, finished=rest.get("stop") is True, cut=cut)]
    return []


API = Api("llama.cpp", "/infill", body, pieces)
