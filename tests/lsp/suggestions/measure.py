"""Measure what each refinement does to fills whose original text is known: `right` is a file equal to the original.

python tests/lsp/suggestions/measure.py TASKS PREDICTIONS      fills of held-out tasks, and the golds themselves
python tests/lsp/suggestions/measure.py FILE...                gaps cut into source files of any language

Golds are refined as if a model had always been right: any change to them is damage. Golds worsened with typical
mistakes of models should be restored to the original. `--show WORDS` prints the changes whose description contains
the words; damage is marked by `!`.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from infill_lsp.suggestions.brackets import Around
from infill_lsp.suggestions.indentation import own_unit
from infill_lsp.suggestions.refine import REFINEMENTS, refine
from infill_lsp.suggestions.suggestion import Dropped, Refinement, Suggestion
from infill_lsp.syntax import languages
from infill_lsp.targets.target import GapKind, Target
from infill_lsp.text.document import Document, Gap, normalised
from infill_model.evaluation.filling.predict import read_predictions
from infill_model.evaluation.tasks.tasks import Task, read_tasks

KINDS: dict[str, GapKind] = {"whole_line": "line", "block": "block", "rest_of_line": "rest_of_line"}
OUTCOMES = ("acted", "right to wrong", "right dropped", "wrong to right", "wrong dropped")
GAPS_A_FILE = 40


@dataclass(frozen=True)
class Case:
    """A fill, its request, and the whole original text."""

    document: Document
    target: Target
    suggestion: Suggestion
    whole: str

    @classmethod
    def of(cls, document: Document, kind: str, gaps: tuple[Gap, ...], text: str, gold: str, block: bool) -> "Case":
        suggestion = Suggestion(gaps[0].start, gaps[-1].end, text, 1.0)
        within = Around.of(document, suggestion).above.within
        if within:
            kind = "comment" if within[0] in "#/" else "string"
        whole = document.edited(suggestion.start, suggestion.end, gold).text
        return cls(document, Target(cast(GapKind, kind), gaps, block, ""), suggestion, whole)

    def right(self, suggestion: Suggestion) -> bool:
        return self.document.edited(suggestion.start, suggestion.end, suggestion.text).text == self.whole

    def saying(self, text: str) -> "Case":
        return replace(self, suggestion=self.suggestion.saying(text))


def of_task(task: Task, texts: tuple[str, ...]) -> Case:
    """Return the case of a task filled with these texts."""
    request = task.request()
    document = Document("task", "".join([request.prefix, *request.between, request.suffix]), languages.by_id("python"))
    places = [len(request.prefix)]
    for piece in request.between:
        places.append(places[-1] + len(piece))
    text, gold = (it[0] + "".join(map("".join, zip(request.between, it[1:], strict=True))) for it in (texts, task.gold))
    gaps = tuple(Gap(at, at) for at in places)
    return Case.of(document, KINDS.get(task.kind, "mid_line"), gaps, text, gold, task.block)


def of_file(path: Path, rng: random.Random) -> Iterator[Case]:
    """Yield gaps in a file, with the original text: rests of lines, parts of lines, lines and blocks."""
    language = languages.of_file(path.name)
    text = normalised(path.read_text(encoding="utf-8", errors="replace"))
    lines = text.split("\n")
    for _ in range(GAPS_A_FILE if len(lines) > 20 else 0):
        number = rng.randrange(len(lines))
        line = lines[number]
        kind = rng.choice(["line", "rest_of_line", "mid_line", "block"])
        first = len(line) - len(line.lstrip())
        start, last, end = first, number, len(line.rstrip())
        if kind == "block":
            last = min(number + rng.randrange(1, 6), len(lines) - 1)
            inner = lines[number : last + 1]
            depth = min((len(it) - len(it.lstrip()) for it in inner if it.strip()), default=0)
            if depth < first or not inner[-1].strip():
                continue
            end = len(lines[last].rstrip())
        elif kind != "line" and end - start > 4:
            start = rng.randrange(start + 1, end - 1)
            end = rng.randrange(start + 1, end) if kind == "mid_line" else end
        offset = sum(len(it) + 1 for it in lines[:number]) + start
        until = sum(len(it) + 1 for it in lines[:last]) + end
        gold = text[offset:until]
        if gold.strip():
            document = Document(path.name, text[:offset] + text[until:], language)
            yield Case.of(document, kind, (Gap(offset, offset),), gold, gold, kind == "block")


def worsened(case: Case) -> dict[str, Case]:
    """Return a gold with typical mistakes of models; refining should restore the gold."""
    gold, place = case.suggestion.text, case.suggestion
    line, _, below = case.document.text[place.end :].partition("\n")
    left = case.document.text[: place.start].rpartition("\n")[2]
    found: dict[str, str] = {}
    if line.strip():
        found["rest of line again"] = gold + line
        if line[0] in ")]}":
            found["closer again"] = gold + line[0]
    elif below.strip():
        found["lines below again"] = f"{gold}\n" + "\n".join(below.split("\n")[:3])
    if not left.strip() and left:
        found["indentation again"] = left + gold
        found["from column 0"] = gold.replace("\n" + left, "\n")
    unit = own_unit(case.document, place)
    if unit == "\t" and "\n\t" in gold:
        found["blanks for tabs"] = gold.replace("\t", "    ")
    elif unit and f"\n{unit}" in gold:
        found["tabs for blanks"] = gold.replace(unit, "\t")
    return {name: case.saying(text) for name, text in found.items() if text != gold}


@dataclass(frozen=True)
class Measured:
    """The refinements, counting their effects on cases."""

    seen: dict[str, Counter[str]]
    show: str

    def run(self, case: Case) -> Suggestion | Dropped:
        watched = [self._watched(case, it) for it in REFINEMENTS]
        return refine(case.document, case.target, case.suggestion, watched)

    def _watched(self, case: Case, refinement: Refinement) -> Refinement:
        name = f"{refinement.__module__.rpartition('.')[2]}.{refinement.__name__}"
        seen = self.seen.setdefault(name, Counter())

        def watched(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
            refined = refinement(document, target, suggestion)
            if refined == suggestion:
                return refined
            was = case.right(suggestion)
            seen["acted"] += 1
            if isinstance(refined, Dropped):
                seen["right dropped" if was else "wrong dropped"] += 1
            elif was != case.right(refined):
                seen["right to wrong" if was else "wrong to right"] += 1
            after = refined.reason if isinstance(refined, Dropped) else repr(refined.text)
            left, right = document.text[: suggestion.start][-160:], document.text[suggestion.end :][:80]
            change = f"{'! ' if was else ''}{name} {target.kind} {document.name}\n{left}‸{right}\n"
            if self.show and self.show in change:
                print(f"{change}--- {suggestion.text!r} -> {after}\n")
            return refined

        return watched


def measure(title: str, cases: Iterable[Case], show: str) -> None:
    measured, total = Measured({}, show), Counter[str]()
    for case in cases:
        result = measured.run(case)
        was = case.right(case.suggestion)
        total += Counter({"fills": 1, "right before": was})
        total["right after"] += isinstance(result, Suggestion) and case.right(result)
        total["not shown"] += isinstance(result, Dropped)
        total["not shown, right before"] += isinstance(result, Dropped) and was
    if total["fills"]:
        print(title, *(f"{name}: {count}" for name, count in total.items()), sep=" | ")
        print(f"{'':28}" + "".join(f"{it:>16}" for it in OUTCOMES))
        acting = {name: counts for name, counts in measured.seen.items() if counts}
        rows = [f"{name:28}" + "".join(f"{counts[it]:>16}" for it in OUTCOMES) for name, counts in acting.items()]
        print("\n".join(rows), end="\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--show", default="", help="print the changes in whose description this occurs")
    flags = parser.parse_args()
    if ".jsonl" in flags.paths[0].name:
        # An editor item lies within one line: two gaps on different lines cannot be shown.
        tasks = [it for it in read_tasks(flags.paths[0]) if not any("\n" in piece for piece in it.between)]
        known = read_predictions(flags.paths[1], read_tasks(flags.paths[0]))
        fills = (of_task(it, known[it.task_id].completion) for it in tasks if it.task_id in known)
        measure("fills", fills, flags.show)
        golds = [of_task(it, it.gold) for it in tasks]
    else:
        rng = random.Random(0)
        golds = [case for path in flags.paths for case in of_file(path, rng)]
    worse = [worsened(it) for it in golds if len(it.target.gaps) == 1]
    for name in sorted({name for them in worse for name in them}):
        measure(f"golds, {name}", (them[name] for them in worse if name in them), flags.show)
    measure("golds", golds, flags.show)


if __name__ == "__main__":
    sys.exit(main())
