"""Guides steer each step from outside: contrast with an empty file, styles, and what critics send back."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, PolicyError, unmask_policy
from infill_model.denoising.stop import Limits
from infill_model.infill.guidance import Guide, GuidedDenoiser, Scorer, guided_critic
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request
from infill_model.vocabulary import ABOVE, BELOW

SINGLE = Request("a = 'x'\nb = f('y', 'z')\nc = ['v', r'w']\nd = ", "\n")
SNAKE = Request("first_name = 1\nlast_name = 2\nthe_age = first_name\nmore_of_it = the_age\nso_on = ", "\n")
PLAIN = Options(retrieve=False, critic=False)


@pytest.mark.parametrize(
    ("spec", "words"),
    [("context:x", "a number"), ("context:-1", "0 to 100"), ("context:nan", "0 to 100"), ("context:1:2", "a number"),
     ("stil", "unknown guide 'stil'; choose one of none, context, quotes, naming, judges"), ("", "unknown guide")],
)  # fmt: skip
def test_what_cannot_be_read_is_explained(infiller: Infiller, spec: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        infiller.fill(SINGLE, replace(PLAIN, guide=spec))


def scorer_of(name: str, request: Request) -> Scorer:
    scorer = Guide(name, 1.0).scorer(request)
    assert scorer is not None
    return scorer


def test_the_rarer_quote_is_objected_to_where_it_opens_a_string() -> None:
    scorer = scorer_of("quotes", SINGLE)
    assert scorer("""g("x", 'y')""") == [(2, 3), (4, 5)] or scorer("""g("x", 'y')""")[0] == (2, 3)
    assert scorer("'it'") == scorer('"""A docstring."""') == []
    assert Guide("quotes", 1.0).scorer(Request("x = 1\n", "")) is None
    assert Guide("quotes", 1.0).scorer(Request("""['a', "b", 'c', "d", 'e', "f"]\n""", "")) is None


def test_names_follow_the_case_of_the_document_but_for_names_it_has() -> None:
    scorer = scorer_of("naming", SNAKE)
    assert scorer("userName + first_name") == [(0, 8)]
    assert scorer("first_name + name + Name") == []
    assert scorer_of("naming", replace(SNAKE, suffix="\nsetUp()\n"))("setUp(tearDown)") == [(6, 14)]


def test_a_style_makes_its_tokens_rarer_and_no_guide_changes_nothing(infiller: Infiller) -> None:
    context = infiller.layout.place(SINGLE).context
    canvas = Canvas.of([infiller.layout.job(SINGLE, 4).pieces])
    plain = infiller.denoiser.logits(infiller.denoiser.encode([context]), canvas, canvas.masked)
    scorer = scorer_of("quotes", SINGLE)
    guided = GuidedDenoiser(infiller.denoiser, Guide("quotes", 3.0), infiller.vocabulary, scorer)
    found = guided.logits(guided.encode([context]), canvas, canvas.masked)
    (quote,) = infiller.vocabulary.encode('"')
    (name,) = infiller.vocabulary.encode("self")
    torch.testing.assert_close((plain - found)[:, quote], torch.full((4,), 3.0))
    torch.testing.assert_close((plain - found)[:, name], torch.zeros(4))
    same = [infiller.fill(SINGLE, replace(PLAIN, guide=it))[0].texts for it in ("none", "context:0", "judges")]
    assert same[0] == same[1] == same[2]


def test_the_context_is_contrasted_with_an_empty_file(infiller: Infiller) -> None:
    context = infiller.layout.place(SINGLE).context
    canvas = Canvas.of([infiller.layout.job(SINGLE, 4).pieces])
    guided = GuidedDenoiser(infiller.denoiser, Guide("context", 0.5), infiller.vocabulary, None)
    found = guided.logits(guided.encode([context]), canvas, canvas.masked)
    seen = infiller.denoiser.logits(infiller.denoiser.encode([context]), canvas, canvas.masked).log_softmax(1)
    alone = infiller.denoiser.logits(infiller.denoiser.encode([[BELOW, ABOVE]]), canvas, canvas.masked).log_softmax(1)
    torch.testing.assert_close(found, seen * 1.5 - alone * 0.5, atol=1e-4, rtol=1e-4)
    fill = infiller.fill(SINGLE, replace(PLAIN, guide="context:0.5"))[0]
    assert fill.forwards == 2 * fill.steps > 0


def test_what_a_critic_sends_back_is_less_probable_in_its_place(infiller: Infiller) -> None:
    context = infiller.layout.place(SINGLE).context
    canvas = Canvas.of([infiller.layout.job(SINGLE, 4).pieces])
    guided = GuidedDenoiser(infiller.denoiser, Guide("judges", 2.0), infiller.vocabulary, None)
    encoded = guided.encode([context])
    before = guided.logits(encoded, canvas, canvas.masked)
    policies = Policies(unmask_policy("threshold:0.001"))
    objections: list[list[int]] = []

    def critic(complete: Canvas, row: int) -> Tensor:
        objections.append(complete.ids[row, :4].tolist())
        return torch.arange(complete.ids.shape[1]) == (1 if len(objections) == 1 else -1)

    *_, last = denoise(guided, encoded, canvas, policies, Limits(8), critic=guided.watch(critic))
    first, second = objections
    assert first == before.index_fill(1, torch.tensor([0, 1]), -torch.inf).argmax(1).tolist()
    after = guided.logits(encoded, canvas, canvas.masked)
    expected = torch.zeros_like(before)
    expected[1, first[1]] = 2.0
    torch.testing.assert_close(before - after, expected)
    guided.watch(critic)
    torch.testing.assert_close(guided.logits(encoded, canvas, canvas.masked), before)
    assert second == last.canvas.ids[0, :4].tolist()


def test_a_critic_and_a_scorer_object_together() -> None:
    both = guided_critic(lambda text: [(0, 1)] if text == "a" else [], lambda texts: [[(2, 3)] for _ in texts])
    assert both is not None
    assert both(["a", "b"]) == [[(2, 3), (0, 1)], [(2, 3)]]
    assert guided_critic(None, None) is None


def test_a_guide_goes_with_every_request_of_a_batch(infiller: Infiller) -> None:
    options = replace(PLAIN, guide="quotes:100")
    alone = [infiller.fill(it, options)[0].texts for it in (SINGLE, SNAKE)]
    assert [it.texts for it in infiller.fill_batch([SINGLE, SNAKE], options)] == alone
