"""Measure what a fill costs the embedded model: layouts, encodes and forwards, on held-out tasks.

`python tests/model/measure_passes.py TASKS` fills the first tasks of each kind one at a time: as an editor requests
while a user types, by hand (three fills, with the critic), and without copies. `--out` writes the fills, to compare
with another version's. It is not a test: it takes minutes and asserts nothing.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from passes import COUNTED, counted

from infill_lsp.syntax.critic import Critic
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.infill.infiller import Infiller
from infill_model.request import Fill, Options

MODES = {"while typing": Options(), "by hand": Options(n=3), "without copies": Options(retrieve=False)}


def first_of_each_kind(tasks: Sequence[Task], count: int) -> list[Task]:
    kinds: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        kinds[task.kind].append(task)
    return [task for them in kinds.values() for task in them[:count]]


def filled(infiller: Infiller, task: Task, options: Options) -> list[Fill]:
    infiller.denoiser.forget()
    request = task.request()
    return infiller.fill(request, options, critic=Critic.of(request) if options.n > 1 else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--each", type=int, default=10, metavar="N", help="tasks of each kind (default: 10)")
    parser.add_argument("--out", type=Path, metavar="FILLS", help="a .jsonl file")
    arguments = parser.parse_args()
    infiller, rows = Infiller.load(device="cpu"), []
    tasks = first_of_each_kind(read_tasks(arguments.tasks), arguments.each)
    for mode, options in MODES.items():
        for several in (False, True):
            some = [it for it in tasks if (it.gaps > 1) == several]
            with counted() as counts:
                for task in some:
                    fills = filled(infiller, task, options)
                    rows += [{"mode": mode, "task_id": task.task_id, **asdict(it)} for it in fills]
            means = ", ".join(f"{counts[it] / len(some):.2f} {it}" for it in (*COUNTED, "tokens"))
            print(f"{mode}, {'several gaps' if several else 'one gap'} ({len(some)} tasks): {means}")
    if arguments.out:
        arguments.out.write_text("".join(f"{json.dumps(it)}\n" for it in rows))


if __name__ == "__main__":
    main()
