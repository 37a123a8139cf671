"""The critic that the engine makes: of syntax, and of meaning when the guide asks for it."""

from infill_lsp.engine.judges import critic_of
from infill_model.request import Options, Request

REQUEST = Request("def area(width, height):\n    return ", "\n")


def test_meaning_is_judged_only_with_its_guide() -> None:
    plain, judged = critic_of(REQUEST, Options()), critic_of(REQUEST, Options(guide="judges:2"))
    assert plain is not None
    assert judged is not None
    assert plain(["width * heigth"]) == [[]]
    assert judged(["width * heigth"]) == [[(0, 14)]]
    assert judged(["width * height"]) == [[]]
    assert judged(["width * )"]) == plain(["width * )"]) != [[]]


def test_meaning_can_be_judged_without_syntax() -> None:
    judged = critic_of(REQUEST, Options(guide="judges", critic=False))
    assert judged is not None
    assert judged(["width * )"]) == [[]]
    assert judged(["heigth"]) == [[(0, 6)]]
    assert critic_of(REQUEST, Options(critic=False)) is None


def test_what_no_judge_knows_has_no_objection() -> None:
    judged = critic_of(Request("x <- ", "\n", language="r"), Options(guide="judges"))
    assert judged is not None
    assert judged(["y"]) == [[]]
