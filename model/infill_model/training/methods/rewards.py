"""Gaps of training code and what a fill of one is worth, doctests of the code included.

A function whose doctests pass when it stands alone, with its file's imports, is a test of what is written into it. The
programs run in the sandbox that runs HumanEval's: it guards against accidents, not against attacks.
"""

import ast
import doctest
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from infill_model.data.corpus import CorpusFile
from infill_model.errors import TrainingError
from infill_model.evaluation.judging.metrics import edit_similarity, exact_match, parses
from infill_model.evaluation.judging.runner import Runner
from infill_model.request import Request
from infill_model.training.spans import Span, excerpt, sample_spans

REWARDS: Final[Mapping[str, float]] = MappingProxyType({"exact": 0.5, "tests": 0.5, "similarity": 0.3, "parses": 0.2})
"""What a fill is worth: the sum of the weights of what is true of it, similarity in proportion.

Where a gap has no tests, only what stood there counts as passing them.
"""

TRIES: Final = 8
"""Excerpts around a function's lines that are tried until a gap lies in its body."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A gap of training code.

    Attributes:
        request: the file around it.
        gold: what stood in it.
        program: the text before and after a fill that makes it a program that tests it; empty if nothing does.
    """

    request: Request
    gold: str
    program: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DoctestedFunction:
    """A function of a file that can run alone: [start, end) in code points, the lines before it, its tests after it.

    `body` is where the code after its docstring starts.
    """

    file: CorpusFile
    start: int
    body: int
    end: int
    before: str
    tests: str

    @property
    def program(self) -> str:
        """The function with its tests."""
        return self.before + self.file.text[self.start : self.end] + self.tests


def weights_of(words: Sequence[str]) -> Mapping[str, float]:
    """Read a table of weights such as `exact=1 tests=0.5`; what it leaves out weighs nothing; `REWARDS` if it is empty.

    Raises:
        TrainingError: a name is none of the rewards', or a weight is not a number.
    """
    table = dict.fromkeys(REWARDS, 0.0) if words else dict(REWARDS)
    for word in words:
        name, _, weight = word.partition("=")
        try:
            if name not in table:
                raise KeyError(name)
            table[name] = float(weight)
        except (KeyError, ValueError) as error:
            raise TrainingError(f"{word!r} is no weight of a reward; write {', '.join(REWARDS)}, as exact=1") from error
    return table


def gaps_of(files: Sequence[CorpusFile], rng: random.Random, count: int) -> list[Trained]:
    """Return gaps anywhere in training files."""
    found: list[Trained] = []
    while len(found) < count:
        file = rng.choice(files)
        span = _gap(file, rng)
        if span is not None:
            found.append(_trained(file, span))
    return found


def doctested_functions(
    files: Sequence[CorpusFile], rng: random.Random, runner: Runner, count: int
) -> list[DoctestedFunction]:
    """Return functions of training files whose doctests pass, at most `count`."""
    own, found = [it for it in files if it.language == "python" and ">>> " in it.text], list[DoctestedFunction]()
    rng.shuffle(own)
    for file in own:
        candidates = list(_functions(file))
        outcomes = runner.run([it.program for it in candidates])
        found += [it for it, outcome in zip(candidates, outcomes, strict=True) if outcome == "passed"]
        if len(found) >= count:
            break
    return found[:count]


def doctested_gaps(
    functions: Sequence[DoctestedFunction], rng: random.Random, runner: Runner, count: int
) -> list[Trained]:
    """Return gaps in the bodies of functions whose tests fail if nothing is filled in; fewer if none is found."""
    found: list[Trained] = []
    for _ in range(4 * count if functions else 0):
        if len(found) == count:
            break
        function = rng.choice(functions)
        gap = _tested(function, rng)
        if gap and runner.run(["".join(gap.program)]) != ["passed"]:
            found.append(gap)
    return found


def reward(gap: Trained, text: str, weights: Mapping[str, float] = REWARDS, runner: Runner | None = None) -> float:
    """Return what a fill is worth. Without a runner, no tests are run."""
    right = exact_match([text], [gap.gold])
    fine = right or parses(gap.request.prefix + text + gap.request.suffix, gap.request.language or "python")
    passed = right
    if gap.program and runner and fine and not right:
        passed = runner.run([text.join(gap.program)]) == ["passed"]
    worth = {"exact": right, "tests": passed, "similarity": edit_similarity([text], [gap.gold]), "parses": fine}
    return sum(weights[name] * float(worth[name]) for name in weights)


def _gap(file: CorpusFile, rng: random.Random) -> Span | None:
    """Return a random gap of a file, in code points of its text."""
    source = excerpt(file.text, file.language, rng)
    if source is None:
        return None
    (span,) = sample_spans(source, 1, rng, long_gaps=0.0)
    at = file.text.index(source.text)
    start, end = at + span.start, at + span.end
    return Span(start, end) if file.text[start:end].strip() else None


def _trained(file: CorpusFile, span: Span, program: tuple[str, ...] = ()) -> Trained:
    request = Request(file.text[: span.start], file.text[span.end :], language=file.language)
    return Trained(request, file.text[span.start : span.end], program)


def _tested(function: DoctestedFunction, rng: random.Random) -> Trained | None:
    """Return a gap in a function's body, with its program."""
    text, own = function.file.text, function.file.text[function.start : function.end]
    alone = CorpusFile(function.file.project, function.file.path, "python", 1.0, own)
    for _ in range(TRIES):
        span = _gap(alone, rng)
        if span is not None and function.start + span.start >= function.body:
            start, end = function.start + span.start, function.start + span.end
            program = function.before + text[function.start : start], text[end : function.end] + function.tests
            return _trained(function.file, Span(start, end), program)
    return None


def _functions(file: CorpusFile) -> Iterator[DoctestedFunction]:
    """Yield the undecorated functions of a file that have doctests which are expressions with a value."""
    try:
        tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    starts = [0]
    for line in file.text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    if "\r" in file.text or "\f" in file.text:  # Lines of a tree and of the text would differ.
        return
    before = "".join(f"{ast.unparse(it)}\n" for it in tree.body if _is_standard(it))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list and len(node.body) > 1:
            tests = _asserts(ast.get_docstring(node) or "")
            end = min(starts[node.end_lineno or node.lineno], len(file.text))
            if tests:
                yield DoctestedFunction(
                    file, starts[node.lineno - 1], starts[node.body[1].lineno - 1], end, before, "\n" + tests
                )


def _is_standard(node: ast.stmt) -> bool:
    """Report whether a statement imports nothing but the standard library."""
    if isinstance(node, ast.ImportFrom):
        return not node.level and (node.module or "").partition(".")[0] in sys.stdlib_module_names
    return isinstance(node, ast.Import) and all(
        it.name.partition(".")[0] in sys.stdlib_module_names for it in node.names
    )


def _asserts(docstring: str) -> str:
    """Return a docstring's examples as asserts; empty if one of them is more than an expression with a value."""
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
        lines = []
        for it in examples:
            ast.parse(it.source, mode="eval" if it.want else "exec")
            lines.append(f"assert repr({it.source.strip()}) == {it.want.strip()!r}\n" if it.want else it.source)
    except (SyntaxError, ValueError):
        return ""
    return "".join(lines) if any(it.want for it in examples) else ""
