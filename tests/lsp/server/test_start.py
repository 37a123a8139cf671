"""How soon `initialize` is answered, beside a server of pygls that can do nothing; and what is not imported for it."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from raw_client import FAKE, REAL, RawClient

BARE = "from pygls.lsp.server import LanguageServer; LanguageServer('bare', '1').start_io()"
ALLOWED = 0.150
STARTS = 7


def seconds_to_initialize(command: Sequence[str]) -> float:
    start = time.perf_counter()
    with RawClient(command) as client:
        client.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        return time.perf_counter() - start


def test_initialize_is_answered_soon_after_a_bare_server_would() -> None:
    """Pairs taken in turn, so that a machine that gets slower in between is slower for both."""
    seconds_to_initialize(REAL)  # The first one compiles and fills the file cache.
    extra = []
    for _ in range(STARTS):
        bare = seconds_to_initialize((sys.executable, "-c", BARE))
        extra.append(seconds_to_initialize(REAL) - bare)
    print([round(it, 3) for it in extra])
    assert statistics.median(extra) <= ALLOWED


def test_the_server_never_imports_torch() -> None:
    code = "import sys, infill_lsp.server, infill_lsp.server_transport; print('torch' in sys.modules)"
    assert subprocess.check_output((sys.executable, "-c", code), text=True) == "False\n"


def test_it_answers_before_the_model_is_loaded() -> None:
    with RawClient(FAKE) as client:
        client.initialize()
        states = [it["params"]["state"] for it in client.seen if it.get("method") == "infill/status"]
        assert "ready" not in states
        client.status("ready")
