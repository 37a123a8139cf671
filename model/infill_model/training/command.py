"""`infill-model train` and `infill-model export`: turn flags into a plan, and reports into a progress bar.

The run itself is in `loop`; this module only starts, shows and stops it.
"""

import argparse
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from infill_model.data.corpus import read_corpus
from infill_model.embedded import folder
from infill_model.embedded.network import Network
from infill_model.errors import TrainingError
from infill_model.packing.gguf_export import KINDS, export_gguf
from infill_model.training import checkpoint
from infill_model.training.loop import SIZES, StepReport, Trainer, TrainingPlan, shape_of
from infill_model.training.optimiser import Optimiser
from infill_model.vocabulary import Vocabulary


def add_train_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model train`."""
    plan = TrainingPlan(steps=0)
    parser.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="folder written by `infill-model corpus`"
    )
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="FILE", help="tokenizer.json of the corpus")
    parser.add_argument(
        "--run",
        dest="folder",
        type=Path,
        required=True,
        metavar="DIR",
        help="checkpoints and log; resumed if it exists",
    )
    parser.add_argument("--size", choices=SIZES, default="small", help="which network (default: small)")
    parser.add_argument(
        "--steps", type=int, required=True, metavar="N", help="length of the run; the rate ends at zero"
    )
    parser.add_argument(
        "--rows", type=int, default=plan.rows, metavar="N", help=f"rows per step (default: {plan.rows})"
    )
    parser.add_argument("--decay", type=float, default=plan.decay, help="share of the run in which the rate falls")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="do not compile the loss")
    parser.add_argument("--workers", type=int, default=plan.workers, metavar="N", help="processes that make batches")
    parser.add_argument("--save-minutes", type=float, default=plan.save_minutes, metavar="M")
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--init", type=Path, metavar="DIR", help="model folder whose weights a new run starts from")


def train(arguments: argparse.Namespace) -> None:
    """Train until the planned step or until interrupted; a later call with the same flags resumes."""
    vocabulary = Vocabulary.load(arguments.tokenizer)
    shape = replace(shape_of(arguments.size), vocabulary=vocabulary.size)
    plan = TrainingPlan(
        steps=arguments.steps,
        rows=arguments.rows,
        decay=arguments.decay,
        precision=arguments.precision,
        compile=arguments.compile,
        workers=arguments.workers,
        save_minutes=arguments.save_minutes,
        seed=arguments.seed,
    )
    arguments.folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        arguments.folder,
        plan,
        vocabulary,
        shape,
        list(read_corpus(arguments.corpus, "train")),
        [it for it in read_corpus(arguments.corpus, "heldout") if it.weight == 1],
        arguments.init,
    )
    parameters = sum(it.numel() for it in trainer.network.parameters())
    print(f"{arguments.size}: {parameters / 1e6:.1f} M parameters on {trainer.device}, pid {os.getpid()}", flush=True)
    _show(trainer.train(), plan.steps, trainer.progress.step, parameters)


def _show(reports: Iterable[StepReport], steps: int, start: int, parameters: int) -> None:
    """Show a run's progress in one line: loss, speed, time left. TFLOP/s are 6 x parameters x tokens per second."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, refresh_per_second=1) as bar:
        task = bar.add_task("starting", total=steps, completed=start)
        for report in reports:
            flops = 6 * parameters * report.tokens_per_second / 1e12
            text = (
                f"loss {report.canvas_loss:.3f} next {report.next_token_loss:.3f} "
                f"{report.tokens_per_second:,.0f} tokens/s {flops:.2f} TFLOP/s"
            )
            bar.update(task, completed=report.step, description=text)
            if report.held_out:
                bar.console.print(
                    f"step {report.step}: {report.tokens / 1e6:.1f} M tokens, {report.seconds / 3600:.2f} h, {text}, "
                    f"held out {report.held_out[0]:.3f} next {report.held_out[1]:.3f}"
                )


def add_export_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model export`."""
    parser.add_argument("--run", dest="folder", type=Path, metavar="DIR", help="folder written by `infill-model train`")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="tokenizer.json of that run")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="model folder or GGUF file to write")
    parser.add_argument("--gguf", type=Path, metavar="FILE", help="write this published model as GGUF instead of a run")
    parser.add_argument("--update", type=Path, metavar="DIR", help="a low-rank update to merge into it")
    parser.add_argument(
        "--matrices", choices=KINDS, default="q8_0", help="format of the GGUF file's matrices (default: q8_0)"
    )
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--name", default=None, help="name of the model (default: infill-SIZE)")
    parser.add_argument("--languages", nargs="+", default=["python"], help="LSP ids it was trained on")
    parser.add_argument("--stored-as", choices=("float32", "bfloat16", "int8"), default="bfloat16")


def export(arguments: argparse.Namespace) -> None:
    """Write a run's newest averaged weights as a model folder, or a fine-tuned published model as a GGUF file."""
    if arguments.gguf:
        export_gguf(arguments.gguf, arguments.update, arguments.out, arguments.matrices)
        return
    if not (arguments.folder and arguments.tokenizer):
        raise TrainingError("export needs --run and --tokenizer, or --gguf")
    newest = checkpoint.latest(arguments.folder)
    if newest is None:
        raise TrainingError(f"{arguments.folder}: no checkpoint to export yet")
    vocabulary = Vocabulary.load(arguments.tokenizer)
    shape = replace(shape_of(arguments.size), vocabulary=vocabulary.size)
    with torch.device("cpu"):
        network, average = Network(shape), Network(shape)
    progress = checkpoint.restore(newest, network, average, Optimiser(network))
    config = folder.ModelConfig(
        arguments.name or f"infill-{arguments.size}", shape, tuple(arguments.languages), progress.tokens
    )
    folder.write(arguments.out, config, arguments.tokenizer.read_text(encoding="utf-8"), average, arguments.stored_as)
    print(f"{arguments.out}: step {progress.step}, {progress.tokens / 1e6:.1f} M tokens, {arguments.stored_as}")
