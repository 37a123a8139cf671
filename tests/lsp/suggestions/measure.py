"""What each refinement does to fills of held-out code: `python tests/lsp/suggestions/measure.py TASKS PREDICTIONS`.

`right` means that the file is as it was. The golds themselves are refined as well, as if a model had always been right:
whatever happens to them is damage.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from infill_lsp.document import Document, Gap
from infill_lsp.suggestions.brackets import Around
from infill_lsp.suggestions.insertion import Dropped, Insertion, Refinement
from infill_lsp.suggestions.refine import REFINEMENTS, refine
from infill_lsp.syntax import languages
from infill_lsp.syntax.gap import GapKind, Target
from infill_model.evaluation.predict import read_predictions
from infill_model.evaluation.tasks import Task, read_tasks

KINDS: dict[str, GapKind] = {"whole_line": "line", "block": "block", "rest_of_line": "rest_of_line"}
OUTCOMES = ("acted", "right to wrong", "right dropped", "wrong to right", "wrong dropped")


@dataclass
class Case:
    """One fill of one task, on its way through the refinements; `seen` counts what each of them did."""

    task: Task
    texts: tuple[str, ...]
    seen: dict[str, Counter[str]]
    changes: list[str] = field(default_factory=list)

    def run(self) -> Insertion | Dropped:
        request = self.task.request()
        document = Document(
            "a.py", "".join([request.prefix, *request.between, request.suffix]), languages.by_id("python")
        )
        places = [len(request.prefix)]
        for piece in request.between:
            places.append(places[-1] + len(piece))
        text = self.texts[0] + "".join(a + b for a, b in zip(request.between, self.texts[1:], strict=True))
        insertion = Insertion(places[0], places[-1], text, 1.0)
        target = Target(self._kind(document, insertion), tuple(Gap(at, at) for at in places), self.task.block, "")
        return refine(document, target, insertion, [self._watched(it) for it in REFINEMENTS])

    def _kind(self, document: Document, insertion: Insertion) -> GapKind:
        within = Around.of(document, insertion).above.within
        if within:
            return "comment" if within == "#" else "string"
        return KINDS.get(self.task.kind, "mid_line")

    def right(self, document: Document, insertion: Insertion) -> bool:
        return document.edited(insertion.start, insertion.end, insertion.text).text == (
            "".join([self.task.prefix, *_woven(self.task.gold, self.task.between), self.task.suffix])
        )

    def _watched(self, refinement: Refinement) -> Refinement:
        name = f"{refinement.__module__.rpartition('.')[2]}.{refinement.__name__}"
        seen = self.seen.setdefault(name, Counter())

        def watched(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
            refined = refinement(document, target, insertion)
            if refined == insertion:
                return refined
            was = self.right(document, insertion)
            seen["acted"] += 1
            if isinstance(refined, Dropped):
                seen["right dropped" if was else "wrong dropped"] += 1
            elif was != self.right(document, refined):
                seen["right to wrong" if was else "wrong to right"] += 1
            after = refined.reason if isinstance(refined, Dropped) else repr(refined.text)
            mark = "!" if was else " "
            left, right = document.text[: insertion.start][-120:], document.text[insertion.end :][:60]
            self.changes.append(f"{mark} {name} {self.task.kind}\n{left}‸{right}\n--- {insertion.text!r} -> {after}\n")
            return refined

        return watched


def _woven(golds: Iterable[str], between: Iterable[str]) -> Iterable[str]:
    pieces = iter(between)
    for gold in golds:
        yield gold
        yield next(pieces, "")


def table(title: str, seen: dict[str, Counter[str]], count: int) -> str:
    rows = [f"{name:30}" + "".join(f"{counts[it]:>16}" for it in OUTCOMES) for name, counts in seen.items()]
    return "\n".join([f"{title} ({count})", f"{'':30}" + "".join(f"{it:>16}" for it in OUTCOMES), *rows, ""])


def measure(title: str, pairs: Iterable[tuple[Task, tuple[str, ...]]], show: str) -> None:
    seen: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for task, texts in pairs:
        case = Case(task, texts, seen)
        result = case.run()
        total["fills"] += 1
        total["right before"] += texts == task.gold
        total["not shown"] += isinstance(result, Dropped)
        total["not shown, right"] += isinstance(result, Dropped) and texts == task.gold
        document = Document("", "".join([task.prefix, *task.between, task.suffix]))
        total["right after"] += isinstance(result, Insertion) and case.right(document, result)
        if show:
            sys.stdout.writelines(f"{change}\n" for change in case.changes if show in change)
    print(table(title, seen, total["fills"]) + "".join(f"{name}: {count}\n" for name, count in total.items()))


def worsened(task: Task) -> dict[str, str]:
    """The gold with mistakes that models make; refined it should be the gold again."""
    gold, suffix = task.gold[-1], task.request().suffix
    line, _, below = suffix.partition("\n")
    left = task.prefix[task.prefix.rfind("\n") + 1 :]
    found = {}
    if line.strip():
        found["rest of line again"] = gold + line
        if line[0] in ")]}":
            found["closer again"] = gold + line[0]
    elif below.strip():
        found["lines below again"] = f"{gold}\n" + "\n".join(below.split("\n")[:3])
    if not left.strip() and left:
        found["indentation again"] = left + gold
        found["from column 0"] = gold.replace("\n" + left, "\n")
        found["tabs"] = gold.replace("    ", "\t")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--show", default="", help="print the changes in whose description this occurs; '!' is damage")
    flags = parser.parse_args()
    tasks = read_tasks(flags.tasks)
    predictions = read_predictions(flags.predictions, tasks)
    tasks = [it for it in tasks if not any("\n" in piece for piece in it.between)]  # An item is within one line.
    measure(
        "fills", ((it, predictions[it.task_id].completion) for it in tasks if it.task_id in predictions), flags.show
    )
    one = [(it, worsened(it)) for it in tasks if len(it.gold) == 1]
    for name in sorted({name for _, them in one for name in them}):
        changed = [(it, (them[name],)) for it, them in one if name in them and them[name] != it.gold[0]]
        measure(f"golds, {name}", changed, flags.show)
    measure("golds", ((it, it.gold) for it in tasks), flags.show)


if __name__ == "__main__":
    main()
