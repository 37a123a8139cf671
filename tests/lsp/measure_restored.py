"""Measure how often "repair" and "suggest edits" restore a line that was corrupted, as an editor would ask for them.

`python tests/lsp/measure_restored.py CORPUS [--model FILE]` takes functions of a corpus's held-out Python files, and in
each corrupts one line: a token is deleted, two neighbours are swapped, or a name is replaced by another of the file.
If the syntax is broken there, the line is repaired, else edits are suggested for the function. It counts how often the
text is then as it was. It is not a test: it takes minutes and asserts nothing.
"""

import argparse
import ast
import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from infill_lsp.edits.offer import Offer
from infill_lsp.edits.plan import offers
from infill_lsp.edits.resolve import resolve
from infill_lsp.engine.client import Engine
from infill_lsp.engine.process import worker_command
from infill_lsp.settings.settings import EngineSettings
from infill_lsp.syntax.languages import by_id
from infill_lsp.text.document import Document
from infill_model.data.corpus import read_corpus

KINDS: Final = ("deleted", "swapped", "renamed")
_TOKEN: Final = re.compile(r"[^\W\d]\w*|\d+|\S")
_NAME: Final = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    right: str
    wrong: str
    at: int


def cases(corpus: Path, each: int, seed: int) -> Iterator[Case]:
    """Yield cases of each kind in turn, at most one of a file."""
    rng = random.Random(seed)
    files = [it.text for it in read_corpus(corpus, "heldout") if it.path.endswith(".py")]
    rng.shuffle(files)
    made = 0
    for text in files:
        if made == each * len(KINDS):
            return
        if case := corrupted(text, KINDS[made % len(KINDS)], rng):
            made += 1
            yield case


def corrupted(text: str, kind: str, rng: random.Random) -> Case | None:
    """Corrupt one line of one function; None if there is none that is suitable."""
    try:
        functions = [it for it in ast.walk(ast.parse(text)) if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)]
    except SyntaxError:
        return None
    lines = text.splitlines(keepends=True)
    fit = [it for it in functions if 4 <= (it.end_lineno or 0) - it.body[0].lineno + 1 <= 30]
    rng.shuffle(fit)
    for function in fit:
        documented = ast.get_docstring(function) is not None and len(function.body) > 1
        number = rng.randrange(function.body[int(documented)].lineno - 1, function.end_lineno or 0)
        line, names = lines[number], _NAME.findall(text)
        tokens = list(_TOKEN.finditer(line))
        if len(tokens) < 4 or '"' in line or "'" in line or "#" in line:
            continue
        new = _corrupted(line, tokens, kind, names, rng)
        start = sum(map(len, lines[:number]))
        if new != line:
            wrong = text[:start] + new + text[start + len(line) :]
            return Case(kind, text, wrong, start + len(line) - len(line.lstrip()))
    return None


def _corrupted(line: str, tokens: list[re.Match[str]], kind: str, names: list[str], rng: random.Random) -> str:
    if kind == "deleted":
        it = rng.choice(tokens)
        return line[: it.start()] + line[it.end() :]
    if kind == "swapped":
        number = rng.randrange(len(tokens) - 1)
        a, b = tokens[number : number + 2]
        return line[: a.start()] + b.group() + line[a.end() : b.start()] + a.group() + line[b.end() :]
    own = [it for it in tokens if _NAME.fullmatch(it.group())]
    if not own:
        return line
    it = rng.choice(own)
    return line[: it.start()] + rng.choice(names) + line[it.end() :]


async def measure(arguments: argparse.Namespace) -> None:
    counted, took = Counter[tuple[str, str, str]](), list[float]()
    async with Engine(worker_command(EngineSettings(model=arguments.model))) as engine:
        info = await engine.ready()
        for case in cases(arguments.corpus, arguments.each, arguments.seed):
            document = Document("file:///case.py", case.wrong, by_id("python"), 1)
            kinds = {it.kind: it for it in offers(document, case.at, case.at)}
            offer: Offer | None = kinds.get("repair_syntax") or kinds.get("suggest_edits")
            began = time.perf_counter()
            edit = await resolve(document, offer, engine.ask, reads=info.reads) if offer else None
            took.append(time.perf_counter() - began)
            for change in reversed(edit.changes if edit else ()):
                document = document.edited(change.start, change.end, change.text)
            end = "restored" if document.text == case.right else "other" if edit else "nothing"
            counted[case.kind, offer.kind if offer else "no offer", end] += 1
            if arguments.verbose:
                print(case.kind, offer and offer.kind, end, f"{took[-1]:.1f} s")
                lines = unified_diff(case.right.splitlines(), case.wrong.splitlines(), n=0, lineterm="")
                print(*list(lines)[3:], sep="\n")
                lines = unified_diff(case.wrong.splitlines(), document.text.splitlines(), n=0, lineterm="")
                print(*(f"    {it}" for it in list(lines)[3:]), sep="\n", flush=True)
    for key, count in sorted(counted.items()):
        print(*key, count)
    restored = sum(count for key, count in counted.items() if key[2] == "restored")
    print(f"restored {restored} of {counted.total()}; median {sorted(took)[len(took) // 2]:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--each", type=int, default=25, metavar="N", help="cases of each kind (default: 25)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
