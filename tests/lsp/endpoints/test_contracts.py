"""Requests and answers of each API as documented, over real sockets; the fixtures name the page."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from asking import ask
from stub import JSON, Reply, Stub, events, said

from infill_lsp.endpoints.api import EndpointError
from infill_lsp.settings.settings import EndpointSettings
from infill_model.request import Options, Request

CONTRACTS = sorted((Path(__file__).parent / "contracts").glob("*.json"))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda it: it.stem)
def test_requests_and_answers_are_as_documented(path: Path) -> None:
    contract: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    asked = contract["request"]
    request = Request(**{**asked, "files": tuple(asked.get("files", ()))})
    with Stub(Reply(tuple(contract["answer"]), contract["kind"])) as stub:
        settings = contract["settings"]
        (fill,) = ask(EndpointSettings(**{**settings, "url": stub.url + settings.get("url", "")}), request)
    assert [(it.path, it.body) for it in stub.asked] == [(contract["path"], contract["body"])]
    assert "authorization" not in stub.asked[0].head
    assert fill.texts == (contract["text"],)
    assert [it.text for it in fill.tokens] == contract["tokens"]
    assert fill.confidence == pytest.approx(math.exp(contract["logprob"]))
    assert fill.stopped == "complete"


def test_several_fills_are_asked_for_where_the_api_has_that() -> None:
    def choice(index: int, text: str) -> object:
        return {"choices": [{"text": text, "index": index, "finish_reason": "stop"}]}

    by_need = {None: events(choice(0, "best")), 2: events(choice(1, "other"), choice(0, "best"))}

    class ByNeed(Stub):
        def answer(self, handler: Any) -> None:
            self.replies.append(by_need[self.asked[-1].body.get("n")])
            if len(self.replies) > 1:
                self.replies.popleft()
            super().answer(handler)

    with ByNeed() as stub:
        fills = ask(EndpointSettings(url=stub.url), options=Options(n=3, seed=5))
        bodies = sorted((it.body for it in stub.asked), key=lambda it: "n" in it)
    assert [it.texts for it in fills] == [("best",), ("other",)]
    assert [it["temperature"] for it in bodies] == [0.0, 0.8]
    assert (bodies[1]["n"], bodies[1]["seed"]) == (2, 5)


def test_one_fill_is_enough_where_several_are_refused() -> None:
    class One(Stub):
        def answer(self, handler: Any) -> None:
            self.replies.clear()
            several = "n" in self.asked[-1].body
            self.replies.append(Reply(('{"error": "n is 1"}',), JSON, 400) if several else said("a"))
            super().answer(handler)

    with One() as stub:
        assert [it.texts for it in ask(EndpointSettings(url=stub.url), options=Options(n=2))] == [("a",)]


def test_gaps_are_filled_in_turn() -> None:
    with Stub(said("1"), said("2"), said("3")) as stub:
        request = Request("f(", ")\n", between=(", ", "; "))
        (fill,) = ask(EndpointSettings(url=stub.url), request, Options(n=4))
        seen = [(it.body["prompt"], it.body["suffix"]) for it in stub.asked]
    assert seen == [("f(", ", ; )\n"), ("f(1, ", "; )\n"), ("f(1, 2; ", ")\n")]
    assert fill.texts == ("1", "2", "3")
    assert [(it.text, it.pinned) for it in fill.tokens if it.pinned] == [(", ", True), ("; ", True)]


def test_only_what_is_around_the_gap_is_sent() -> None:
    before, after = "".join(f"a{at}\n" for at in range(9000)), "".join(f"b{at}\n" for at in range(9000))
    with Stub(said("x")) as stub:
        ask(EndpointSettings(url=stub.url), Request(before, after))
        body = stub.asked[0].body
    assert before.endswith(body["prompt"])
    assert 9_900 < len(body["prompt"]) <= 12_000
    assert body["prompt"].startswith("a"), "it begins with a whole line"
    assert after.startswith(body["suffix"])
    assert 3_900 < len(body["suffix"]) <= 4_000


def test_what_is_sent_begins_at_the_same_place_while_one_is_typing() -> None:
    """A server reads again what does not begin as its last prompt did."""
    before = "".join(f"a{at}\n" for at in range(4000))
    with Stub(*(said("x") for _ in range(40))) as stub:
        for typed in range(0, 1_200, 30):
            ask(EndpointSettings(url=stub.url), Request(before + "b" * typed, "\n"))
        prompts = [it.body["prompt"] for it in stub.asked]
    assert len({it.rstrip("b")[:40] for it in prompts}) <= 2
    assert all(len(it) <= 12_000 for it in prompts)


def test_nothing_is_sent_where_only_copies_are_wanted() -> None:
    with Stub(said("x")) as stub:
        assert ask(EndpointSettings(url=stub.url), options=Options(copies_only=True)) == []
        assert stub.asked == []


EDIT = json.loads((Path(__file__).parent / "contracts/edits/mercury_edit.json").read_text(encoding="utf-8"))
REVISED = Request(EDIT["request"]["prefix"], EDIT["request"]["suffix"], files=tuple(EDIT["request"]["files"]))


def revise(content: str, api: str = "mercury", finish: str = "stop") -> list[tuple[str, ...]]:
    answer = {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": finish}]}
    with Stub(Reply((json.dumps(answer),), JSON)) as stub:
        settings = EndpointSettings(url=stub.url, api=api, model="mercury-edit-2")
        fills = ask(settings, REVISED, Options(start=(EDIT["start"],), n=3))
        assert [(it.path, it.body) for it in stub.asked] == [(EDIT["path"], EDIT["body"])]
    return [it.texts for it in fills]


def test_mercury_revises_a_line() -> None:
    assert revise(EDIT["content"]) == [(EDIT["text"],), (EDIT["start"],)]


def test_mercury_revises_without_backticks_too() -> None:
    """The example in Mercury's OpenAPI description has no backticks; its guide has them."""
    assert revise("    b.flag(col, row)\n") == [(EDIT["text"],), (EDIT["start"],)]


@pytest.mark.parametrize("content", [EDIT["content"], "    b.flag(col, row)", "```python\n    b.flag(col, row)"])
def test_what_mercury_could_not_finish_is_no_revision(content: str) -> None:
    assert revise(content, finish="length") == [(EDIT["start"],)]


@pytest.mark.parametrize(
    "content",
    [
        "I would not change anything.",
        "```python\n    b.flag(row, col)\n```",
        "```python\n    b.flag(col, row)",
        "```\nelse: b.flag(r, c)\n```",
        "```\n    b.flag(r, c)\n    b.flag(c, r)\n```",
    ],
    ids=["no code", "as it was", "no end", "what is around it", "more lines"],
)
def test_what_mercury_does_not_change_or_should_not_stays(content: str) -> None:
    assert revise(content) == [(EDIT["start"],)]


@pytest.mark.parametrize("api", ["openai", "llama.cpp", "ollama"])
def test_others_do_not_revise(api: str) -> None:
    with Stub() as stub, pytest.raises(EndpointError, match="does not revise code"):
        ask(EndpointSettings(url=stub.url, api=api), options=Options(start=("x",)))
    assert stub.asked == []
