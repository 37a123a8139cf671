"""Provide the command line `infill-model`: build the corpus, train, export and evaluate.

This module holds only the names of the commands; their flags and actions live in modules imported on demand, so
`--help` does not load torch and takes less than a second.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infill_model.errors import InfillModelError

Loaded = tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], None]]
"""An imported command: the function that adds its flags, and the function that runs it."""


@dataclass(frozen=True, slots=True)
class ModelCommand:
    """One row of `COMMANDS`; `load` imports everything the command needs."""

    name: str
    summary: str
    load: Callable[[], Loaded]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process if None.

    Returns:
        The exit code: 0, 2 after printing the error to standard error, or 130 when interrupted.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        parsed = _parser(words[0] if words else None).parse_args(words)
        parsed.words = words
        parsed.command(parsed)
    except ModuleNotFoundError as error:
        print(
            f"infill-model: the package {error.name} is not installed; run `pip install 'infill-lsp[train]'`",
            file=sys.stderr,
        )
        return 2
    except InfillModelError as error:
        print(f"infill-model: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with flags for the wanted one only."""
    parser = argparse.ArgumentParser(prog="infill-model", description="Build, train and evaluate the denoiser.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        its = commands.add_parser(command.name, help=command.summary, description=command.summary)
        if command.name == wanted:
            add_flags, run = command.load()
            add_flags(its)
            its.set_defaults(command=run)
    return parser


def _corpus() -> Loaded:
    from infill_model.data.prepare import add_corpus_flags, corpus

    return add_corpus_flags, corpus


def _tokenizer() -> Loaded:
    from infill_model.data.prepare import add_tokenizer_flags, tokenizer

    return add_tokenizer_flags, tokenizer


def _tune() -> Loaded:
    from infill_model.training.tuning.tune import add_flags, run

    return add_flags, run


def _tune_denoiser() -> Loaded:
    from infill_model.training.tuning.tune_denoiser import add_flags, run

    return add_flags, run


def _convert() -> Loaded:
    from infill_model.packing.command import add_flags, run

    return add_flags, run


def _train() -> Loaded:
    from infill_model.training.command import add_train_flags, train

    return add_train_flags, train


def _ablate() -> Loaded:
    from infill_model.training.ablate import ablate, add_ablate_flags

    return add_ablate_flags, ablate


def _export() -> Loaded:
    from infill_model.training.command import add_export_flags, export

    return add_export_flags, export


def _curves() -> Loaded:
    from infill_model.training.curves import add_curves_flags, curves

    return add_curves_flags, curves


def _heldout() -> Loaded:
    from infill_model.evaluation.command import add_heldout_flags, heldout

    return add_heldout_flags, heldout


def _copies() -> Loaded:
    from infill_model.evaluation.studies.copies import add_copies_flags, copies

    return add_copies_flags, copies


def _evaluate() -> Loaded:
    from infill_model.evaluation.filling.evaluate import add_evaluate_flags, evaluate

    return add_evaluate_flags, evaluate


def _lengths() -> Loaded:
    from infill_model.evaluation.studies.lengths import add_lengths_flags, lengths

    return add_lengths_flags, lengths


def _calibrate() -> Loaded:
    from infill_model.evaluation.studies.calibration import add_calibrate_flags, calibrate

    return add_calibrate_flags, calibrate


def _revisions() -> Loaded:
    from infill_model.evaluation.studies.revisions import add_revisions_flags, revisions

    return add_revisions_flags, revisions


def _changes() -> Loaded:
    from infill_model.evaluation.studies.changes import add_changes_flags, changes

    return add_changes_flags, changes


def _score() -> Loaded:
    from infill_model.evaluation.command import add_score_flags, score

    return add_score_flags, score


def _card() -> Loaded:
    from infill_model.evaluation.report.card import add_card_flags, card

    return add_card_flags, card


COMMANDS = (
    ModelCommand("corpus", "Build the training corpus from a pinned list of packages.", _corpus),
    ModelCommand("tokenizer", "Train the tokenizer on a corpus.", _tokenizer),
    ModelCommand("train", "Train a network on a corpus; resume an interrupted run.", _train),
    ModelCommand("tune", "Fine-tune a published causal code model with a low-rank update.", _tune),
    ModelCommand("tune-denoiser", "Train the shallow denoiser that drafts for a converted model.", _tune_denoiser),
    ModelCommand("convert", "Convert a published model into the file that the engine loads.", _convert),
    ModelCommand("ablate", "Train short variants of the recipe and compare them.", _ablate),
    ModelCommand("export", "Write a run's newest checkpoint as a model folder.", _export),
    ModelCommand("curves", "Draw the losses of a run.", _curves),
    ModelCommand("heldout", "Cut gaps into held-out code and write them as tasks.", _heldout),
    ModelCommand("evaluate", "Fill the gaps of tasks and write the predictions.", _evaluate),
    ModelCommand("copies", "Count how often a copy from the same document is right.", _copies),
    ModelCommand("lengths", "Measure what the confidence of each length means for an open checkpoint.", _lengths),
    ModelCommand(
        "calibrate", "Compare confidence with correctness, and choose the floor for showing fills.", _calibrate
    ),
    ModelCommand("revisions", "Compare remask policies by the tokens they repair and spoil.", _revisions),
    ModelCommand("changes", "Compare the fills of two ways of filling.", _changes),
    ModelCommand("score", "Score predictions alongside the baselines.", _score),
    ModelCommand("card", "Fill the tables of a model card from result files.", _card),
)
"""Every command, in the order of `--help`."""


if __name__ == "__main__":
    sys.exit(main())
