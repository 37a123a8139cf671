"""Measure how much of the predictions of `infill-lsp bench tasks` a server would show, and how often that is right.

    python tests/lsp/measure_shown.py TASKS PREDICTIONS [TASKS PREDICTIONS ...]

Shown is what is not blank, at least as confident as the default asks for, and free of errors for the syntax critic.
"""

import argparse
from pathlib import Path

from infill_lsp.bench.tasks import is_shown
from infill_model.evaluation.filling.predict import read_predictions
from infill_model.evaluation.judging.metrics import exact_match, parses
from infill_model.evaluation.tasks.tasks import read_tasks


def main(files: list[str]) -> None:
    """Print the figures over all files together."""
    right, parsed, tasks = list[bool](), list[bool](), 0
    for task_file, prediction_file in zip(files[::2], files[1::2], strict=True):
        its = read_tasks(Path(task_file))
        made = read_predictions(Path(prediction_file), its)
        for task in its:
            if task.task_id in made:
                tasks += 1
                texts = made[task.task_id].completion
                if is_shown(task, texts, made[task.task_id].confidence):
                    right.append(exact_match(texts, task.gold))
                    parsed.append(right[-1] or parses(task.filled(texts), task.language))
    shown = len(right)
    if not shown:
        print(f"{tasks} gaps, none shown")
        return
    print(f"{tasks} gaps, {shown} shown ({shown / tasks:.1%}); of those {sum(right) / shown:.1%} exact, ", end="")
    print(f"{sum(parsed) / shown:.1%} parse")


if __name__ == "__main__":
    flags = argparse.ArgumentParser()
    flags.add_argument("files", nargs="+", metavar="TASKS PREDICTIONS")
    main(flags.parse_args().files)
