"""`/v1/fim/completions` as Inception's Mercury and Mistral's Codestral have it, and Mercury's `/v1/edit/completions`.

After Inception's OpenAPI description of both and https://docs.inceptionlabs.ai/capabilities/next-edit. Neither tells
how sure the model was.
"""

import re
from typing import Final

from infill_lsp.endpoints import openai
from infill_lsp.endpoints.api import BLOCK_TOKENS, Api, Body, EditApi, GapAsk

_FENCED: Final = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)


def body(ask: GapAsk) -> Body:
    """As for OpenAI, but without what is not documented here: Mercury has no temperature, Codestral has."""
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
    """One message with excerpts, the file with the lines to be revised marked, and no history: we keep none."""
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
    """What stands between the triple backticks of the answer, or all of it where there are none; None if it is cut."""
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
