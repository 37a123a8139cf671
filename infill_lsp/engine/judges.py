"""Makes the critic of a request: of its syntax and, with the guide `judges`, of the meaning of its fills too."""

from collections.abc import Sequence

from infill_lsp.meaning.judge import fault
from infill_lsp.syntax import languages
from infill_lsp.syntax.critic import Critic
from infill_lsp.text.document import Document
from infill_model.request import Options, Request, TextCritic


def critic_of(request: Request, options: Options) -> TextCritic | None:
    """Return the critic that the options ask for; None if there is none for the language of the request."""
    syntax = Critic.of(request) if options.critic else None
    if options.guide.partition(":")[0] != "judges" or request.between:
        return syntax
    document = Document("request", request.prefix + request.suffix, languages.by_id(request.language))
    at = len(request.prefix)

    def both(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        spans = syntax(texts) if syntax else [[] for _ in texts]
        (text,) = texts
        if any(spans) or not fault(document, at, at, text):
            return spans
        return [[(0, len(text))]]

    return both
