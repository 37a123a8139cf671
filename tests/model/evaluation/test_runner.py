"""Programs pass only by running to their end, and none of them harms the runner, the machine or the next program."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pace import slowness

from infill_model.evaluation.judging.runner import Outcome, Runner
from infill_model.evaluation.tasks.tasks import read_tasks


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(seconds=2 * slowness(), memory_mb=256) as runner:
        yield runner


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("assert 1 + 1 == 2", "passed"),
        ("", "passed"),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\nassert A(1).b == 1", "passed"),
        ("if __name__ == '__main__':\n    raise ValueError", "failed"),
        ("assert False", "failed"),
        ("def broken(:", "failed"),
        ("a = '\x00'", "failed"),
        ("a = '\ud800'", "failed"),
        ("import sys; sys.exit(0)", "failed"),
        ("raise SystemExit", "failed"),
        ("raise KeyboardInterrupt", "failed"),
        ("import os; os._exit(0)", "failed"),
        ("import os, signal; signal.raise_signal(signal.SIGSEGV)", "failed"),
        ("import os; os.closerange(0, 99)\nwhile True: pass", "failed"),
        ("def f(): return f()\nf()", "failed"),
        ("a = 'x' * 10**10", "failed"),
        ("a = []\nwhile True: a.append('x' * 10**6)", "failed"),
        ("input()", "failed"),
        ("print('p' * 100_000)", "passed"),
        ("while True: pass", "timeout"),
        ("while True:\n    try: raise ValueError\n    except BaseException: pass", "timeout"),
        ("import time; time.sleep(60)", "timeout"),
        ("import numpy", "failed"),
        ("import infill_model", "failed"),
    ],
)
def test_what_becomes_of_a_program(runner: Runner, program: str, outcome: Outcome) -> None:
    assert runner.run([program]) == [outcome]


@pytest.mark.parametrize(
    "reach",
    [
        "import os; os.fork()",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
        "import multiprocessing as m; p = m.Process(target=print); p.start()",
        "import os; os.kill(os.getppid(), 9)",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import http.client; http.client.HTTPConnection('127.0.0.1').connect()",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import ctypes; ctypes.CDLL(None)",
    ],
)
def test_a_program_reaches_neither_processes_nor_the_network(runner: Runner, reach: str) -> None:
    refused = f"try:\n    {reach}\nexcept PermissionError: pass\nelse: raise SystemExit"
    assert runner.run([refused]) == ["passed"]


def test_a_program_changes_files_in_its_own_folder_only(runner: Runner, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    attempts = [
        f"open({str(theirs)!r}, 'w')",
        f"open({str(theirs)!r}, 'a')",
        f"import os; os.remove({str(theirs)!r})",
        f"import os; os.rename({str(theirs)!r}, 'mine')",
        f"import shutil; shutil.rmtree({str(tmp_path)!r})",
        f"from pathlib import Path; Path({str(tmp_path / 'new')!r}).mkdir()",
        f"import os; os.symlink({str(tmp_path)!r}, 'link'); open('link/theirs', 'w')",
    ]
    assert runner.run(attempts) == ["failed"] * len(attempts)
    assert theirs.read_text() == "as it was"
    assert [it.name for it in tmp_path.iterdir()] == ["theirs"]
    own = "import os; assert os.listdir() == []\nopen('a', 'w').write('1')\nos.mkdir('b')\nos.rename('a', 'b/a')"
    assert runner.run([own, own]) == ["passed", "passed"]


def test_a_file_has_a_limit_of_size(runner: Runner) -> None:
    assert runner.run(["with open('a', 'wb') as f: f.write(bytes(10**7))"]) == ["failed"]


def test_outcomes_keep_the_order_of_the_programs_and_each_is_told_once(runner: Runner) -> None:
    programs = [f"import time; time.sleep({at % 3} / 100); assert {at} % 2" for at in range(20)]
    done: list[None] = []
    assert runner.run(programs, lambda: done.append(None)) == ["failed", "passed"] * 10
    assert len(done) == 20


def test_programs_share_nothing(runner: Runner) -> None:
    assert runner.run(["import math; math.pi = 3", "import math; assert math.pi > 3"] * 2) == ["passed"] * 4


def test_programs_repeat_themselves(runner: Runner) -> None:
    seeded = "assert random.random() == random.Random(0).random()"
    same = f"import random, sys\n{seeded}\nassert not sys.flags.hash_randomization"
    assert runner.run([same, same]) == ["passed", "passed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        ("human-eval-infilling/HumanEval-SingleLineInfilling", None, 1033),
        ("human-eval-infilling/HumanEval-RandomSpanInfillingLight", None, 164),
        ("mbpp-infilling/MbppSingleLineInfilling", "test", 2603),
    ],
)
def test_every_gold_passes(benchmarks: Path, name: str, split: str | None, count: int) -> None:
    tasks = read_tasks(benchmarks / f"{name}.jsonl.gz", split=split)
    with Runner() as runner:
        outcomes = runner.run([str(it.program(it.gold)) for it in tasks])
    assert len(outcomes) == count
    assert set(outcomes) == {"passed"}


def test_an_empty_gap_almost_never_passes(benchmarks: Path) -> None:
    tasks = read_tasks(benchmarks / "human-eval-infilling/HumanEval-SingleLineInfilling.jsonl.gz", limit=100)
    with Runner() as runner:
        outcomes = runner.run([str(it.program(("",))) for it in tasks])
    assert outcomes.count("passed") < 10
