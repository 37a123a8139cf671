"""`/v1/fim/completions` of Inception's Mercury and Mistral's Codestral, and Mercury's `/v1/edit/completions`.

Follows Inception's OpenAPI description of both and https://docs.inceptionlabs.ai/capabilities/next-edit. Neither API
reports how sure the model was.
"""

import re
from typing import Final

from infill_lsp.endpoints import openai
from infill_lsp.endpoints.api import BLOCK_TOKENS, Api, Body, EditApi, GapAsk

_FENCED: Final = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)


def body(ask: GapAsk) -> Body:
    """Return the body as for OpenAI, without fields not documented here: Mercury has no temperature, Codestral does."""
    return {
        **ask.named,
        "prompt": ask.prefix_with_files,
        "suffix": ask.suffix,
        "max_tokens": ask.tokens,
        **({} if ask.model.startswith("mercury") else {"temperature": ask.temperature}),
        "stop": ask.stop,
        "stream": True,
    }


def edit_body(ask: GapAsk, present: str) -> Body:
    """Return one message with excerpts, the file with the lines to revise marked, and no history, as none is kept."""
    snippets = "\n".join(
        f"<|recently_viewed_code_snippet|>\n{it.rstrip()}\n<|/recently_viewed_code_snippet|>" for it in ask.files
    )
    content = (
        f"<|recently_viewed_code_snippets|>\n{snippets}\n<|/recently_viewed_code_snippets|>\n\n"
        f"<|current_file_content|>\n{ask.prefix}<|code_to_edit|>\n{present}<|cursor|>\n<|/code_to_edit|>\n{ask.suffix}"
        "\n<|/current_file_content|>\n\n<|edit_diff_history|>\n\n<|/edit_diff_history|>"
    )
    return {**ask.named, "messages": [{"role": "user", "content": content}], "max_tokens": BLOCK_TOKENS}


def revised(value: object) -> str | None:
    """Return the text between the answer's triple backticks, or all of it if it has none; None if it is cut off."""
    match value:
        case {"choices": [{"finish_reason": "length"}, *_]}:
            return None
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            found = _FENCED.search(content)
            if found is None and "```" in content:
                return None
            return (found[1] if found else content.removesuffix("\n")).replace("<|cursor|>", "")
    return None


API = Api(
    "mercury", "/v1/fim/completions", body, openai.pieces, edit=EditApi("/v1/edit/completions", edit_body, revised)
)
