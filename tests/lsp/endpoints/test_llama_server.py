"""llama.cpp's own server with a tiny model of random weights; tests/e2e/install_llama.sh gets the server.

The tests are skipped if the server is missing; `LLAMA_SERVER` may name another one.
"""

import re
import time
from collections.abc import Iterator

import httpx
import pytest
from asking import ask
from llama_server import needed, serving, wait_for

from infill_lsp.endpoints.api import EndpointError
from infill_lsp.settings.settings import EndpointSettings
from infill_model.request import Frame, Options, Request

pytestmark = needed

LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n", files=("import math\n",))
BLOCK = Request("def add(a, b):\n", "\n\nprint(add(1, 2))\n", block=True)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gguf = pytest.importorskip("tiny_gguf")
    model = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    gguf.write(model)
    with serving(model, "-np", "2", "-c", "16384") as address:
        yield address


def busy(url: str) -> bool:
    return any(it["is_processing"] for it in httpx.get(f"{url}/slots").json())


def test_infill_of_a_line(url: str) -> None:
    frames: list[Frame] = []
    (fill,) = ask(EndpointSettings(url=url, api="llama.cpp"), LINE, on_draft=frames.append)
    (again,) = ask(EndpointSettings(url=url, api="llama.cpp"), LINE)
    assert fill.texts == again.texts, "the most probable text is always the same"
    assert re.fullmatch(r"[ -~]*", fill.texts[0])
    assert "".join(it.text for it in fill.tokens) == fill.texts[0]
    assert all(0 < it.confidence <= 1 for it in fill.tokens)
    assert len({it.confidence for it in fill.tokens}) > 1, "the server says how sure it is of each"
    assert frames


def test_infill_of_a_block_and_of_gaps_in_turn(url: str) -> None:
    settings = EndpointSettings(url=url, api="llama.cpp")
    (fill,) = ask(settings, BLOCK)
    assert fill.texts[0]
    (several,) = ask(settings, Request("f(", ")\n", between=(", ",)))
    assert len(several.texts) == 2


def test_completions_with_several_fills(url: str) -> None:
    settings = EndpointSettings(url=f"{url}/v1", template="<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>")
    fills = ask(settings, LINE, Options(n=3))
    assert len({it.texts for it in fills}) == len(fills)
    assert 2 <= len(fills) <= 3
    assert all(0 < it.confidence < 1 for it in fills)


def test_cancelling_frees_the_server(url: str) -> None:
    settings = EndpointSettings(url=url, api="llama.cpp")
    frames: list[Frame] = []
    assert ask(settings, BLOCK, cancelled=lambda: len(frames) > 0, on_draft=frames.append) == []
    wait_for(lambda: not busy(url))
    assert ask(settings, LINE)[0].texts


def test_the_deadline_holds(url: str) -> None:
    long = Request("x = 1\n" * 2000, "\n", block=True)
    start = time.monotonic()
    (fill,) = ask(EndpointSettings(url=url, api="llama.cpp"), long, Options(budget_ms=30))
    assert time.monotonic() - start < 1
    assert fill.stopped in ("deadline", "complete")
    wait_for(lambda: not busy(url))


def test_what_it_refuses_is_said_by_its_status(url: str) -> None:
    with pytest.raises(EndpointError, match=r"has no /api/generate, or no such model \(404 Not Found\)"):
        ask(EndpointSettings(url=url, api="ollama"), LINE)
