"""Measure how long a request waits for excerpts while a user types in a workspace of many files.

`python tests/lsp/measure_latency_of_context.py` writes 500 modules that import each other, opens twenty, and types and
jumps about in them faster than a person would. It is not a test: the result depends on the load of the machine.
"""

import random
import tempfile
import time
from pathlib import Path

from infill_lsp.context import Workspace
from infill_lsp.context.workspace import BUDGET
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

FILES, OPEN, KEYS = 500, 20, 4000

BODY = '''
class Part{n}(Base):
    """Part {n} of the machine."""

    def __init__(self, size: int, weight_{n}: float = 1.0) -> None:
        self.size, self.weight = size, weight_{n}

    def turn_{n}(self, by: int) -> "Part{n}":
        for index in range(by):
            self.weight += compute_{n}(index, self.size)
        return self


def compute_{n}(index: int, size: int) -> float:
    return index * size / {n}.5
'''


def write(folder: Path) -> list[Path]:
    paths = []
    for number in range(FILES):
        others = [random.randrange(FILES) for _ in range(8)]
        imports = "".join(f"from module_{it} import Part{it * 10}, compute_{it * 10 + 1}\n" for it in others)
        paths.append(folder / f"module_{number}.py")
        paths[-1].write_text(imports + "".join(BODY.format(n=number * 10 + it) for it in range(10)))
    return paths


def main() -> None:
    random.seed(3)
    python = languages.by_id("python")
    with tempfile.TemporaryDirectory() as folder:
        paths = random.sample(write(Path(folder)), OPEN)
        workspace = Workspace([Path(folder)])
        documents = [Document(str(path), path.read_text(), python) for path in paths]
        for document in documents:
            workspace.opened(document)
        waits, found, at, offset = [], 0, 0, 0
        for key in range(KEYS):
            if key % 50 == 0:
                at, offset = random.randrange(OPEN), random.randrange(3000)
            documents[at] = documents[at].edited(offset, offset, "x")
            offset += 1
            workspace.changed(documents[at])
            started = time.perf_counter()
            found += bool(workspace.excerpts(documents[at], offset, BUDGET))
            waits.append((time.perf_counter() - started) * 1000)
            time.sleep(0.002)
        workspace.settle()
        workspace.close()
    waits.sort()
    p50, p99 = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
    print(f"{KEYS} keys, {found} with excerpts: p50 {p50:.3f} ms, p99 {p99:.3f} ms, longest {waits[-1]:.2f} ms")


if __name__ == "__main__":
    main()
