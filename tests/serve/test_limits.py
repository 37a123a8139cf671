"""How much a user may ask, and whose a token is."""

from pathlib import Path

import pytest

from infill_lsp.errors import SourceError
from infill_serve import tokens
from infill_serve.limits import UserLimits, Users
from infill_serve.tokens import ANYONE, TokenFile
from infill_serve.wires.refused import RefusedError


def test_a_user_has_a_rate_and_a_number_at_once() -> None:
    now = [0.0]
    users = Users(UserLimits(rate=2.0, at_once=3), clock=lambda: now[0])
    for _ in range(4):  # A burst of twice the rate.
        with users.request("ada"):
            pass
    with pytest.raises(RefusedError) as refused, users.request("ada"):
        pass
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    with users.request("grace"):
        pass
    now[0] += 0.5
    with users.request("ada"):
        pass
    now[0] += 10
    three = users.request("ada"), users.request("ada"), users.request("ada")
    with three[0], three[1], three[2], pytest.raises(RefusedError, match="More than 3 requests at once"):
        users.request("ada").__enter__()
    with users.request("ada"):
        pass


def test_tokens_are_hashed_and_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    ada, grace = tokens.add(file, "ada"), tokens.add(file, "grace@example.org")
    known = TokenFile(file)
    assert (known.user(ada), known.user(grace), known.user("")) == ("ada", "grace@example.org", None)
    assert ada not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    new = tokens.add(file, "ada")
    assert (known.user(ada), known.user(new)) == (None, "ada")
    file.unlink()
    with pytest.raises(SourceError):
        known.user(new)
    assert TokenFile(None).user("") == ANYONE


@pytest.mark.parametrize("text", ["ada", "ada sha256:xyz", "ada grace sha256:" + "0" * 64, "\x00"])
def test_a_line_that_is_no_token_is_refused_with_its_number(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# users\n\n{text}\n")
    with pytest.raises(SourceError, match="line 3"):
        TokenFile(file)
    with pytest.raises(SourceError):
        tokens.add(tmp_path / "other", "a b")
    with pytest.raises(SourceError, match="there is no folder"):
        tokens.add(tmp_path / "no/folder", "ada")
