"""`infill-model evaluate`: fill the gaps of a task file with a model and write the predictions.

A `record.PredictionRun` beside the predictions says how they were made. Nothing is scored here.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from infill_model.coder.infiller import CoderInfiller
from infill_model.embedded.folder import EMBEDDED, model_path
from infill_model.errors import TaskError
from infill_model.evaluation.filling.baselines import Autoregressive, BatchFiller
from infill_model.evaluation.filling.controls import InTurn, OracleLength, PlainLoop
from infill_model.evaluation.filling.predict import predict, write_predictions
from infill_model.evaluation.tasks.flags import add_task_flags, count, progress_bar, read_wanted
from infill_model.evaluation.tasks.record import Model, PredictionRun, record, sha256
from infill_model.evaluation.tasks.tasks import Task
from infill_model.infill.infiller import Infiller
from infill_model.request import Options

_CONTROLS: Final[Mapping[str, Callable[[Infiller, Sequence[Task]], BatchFiller]]] = MappingProxyType(
    {
        "autoregressive": lambda model, tasks: Autoregressive(model),
        "plain-loop": lambda model, tasks: PlainLoop(model),
        "oracle-length": lambda model, tasks: OracleLength(model, {it.request(): it.wanted for it in tasks}),
        "in-turn": lambda model, tasks: InTurn(model.fill),
    }
)


def add_evaluate_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model evaluate`."""
    default = Options()
    add_task_flags(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS", help="a .jsonl file")
    parser.add_argument("--model", default=EMBEDDED, metavar="NAME|DIR|FILE", help="default: the weights that ship")
    parser.add_argument("--batch", type=count, default=16, metavar="N", help="fills at a time (default: 16)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16 or int8")
    parser.add_argument("--threads", type=count, metavar="N", help="CPU threads")
    parser.add_argument("--control", choices=tuple(_CONTROLS), help="fill in another way with the same weights")
    parser.add_argument(
        "--no-copy", dest="retrieve", action="store_false", help="do not try drafts copied from the same file"
    )
    parser.add_argument(
        "--steps", type=count, default=default.steps, metavar="N", help="most steps per block of a fill"
    )
    parser.add_argument("--masks", type=count, metavar="N", help="masks that a gap starts with")
    parser.add_argument("--unmask", default=default.unmask, metavar="POLICY", help=f"default: {default.unmask}")
    parser.add_argument("--remask", default=default.remask, metavar="POLICY", help=f"default: {default.remask}")
    parser.add_argument("--stop", default=default.stop, metavar="POLICY", help=f"default: {default.stop}")
    parser.add_argument("--method", metavar="NAME", help="its name in tables (default: from the flags)")


def evaluate(arguments: argparse.Namespace) -> None:
    """Fill the gaps of a task file and write the predictions."""
    tasks = read_wanted(arguments)
    options = Options(
        steps=arguments.steps,
        unmask=arguments.unmask,
        remask=arguments.remask,
        stop=arguments.stop,
        retrieve=arguments.retrieve and arguments.control in (None, "in-turn"),
        masks=arguments.masks,
    )
    loaded = {"device": arguments.device, "dtype": arguments.dtype, "threads": arguments.threads}
    path = Path(arguments.model)
    model = CoderInfiller.load(path, **loaded) if path.is_file() else Infiller.load(arguments.model, **loaded)
    filler = _controlled(model, arguments.control, tasks)
    started = time.monotonic()
    with progress_bar() as progress:
        bar = progress.add_task(f"filling {len(tasks)} tasks", total=len(tasks))
        batches = predict(filler, tasks, options, arguments.batch)
        write_predictions(batches, arguments.out, lambda done: progress.advance(bar, done))
    method = arguments.method or _method(arguments)
    made = record(arguments.words, _model(arguments.model, model), time.monotonic() - started)
    PredictionRun(method, sha256(arguments.tasks), options, made).write_beside(arguments.out)


def _controlled(model: Infiller | CoderInfiller, control: str | None, tasks: Sequence[Task]) -> BatchFiller:
    """Return the model, or a control with the same weights."""
    if control is None:
        return model
    if isinstance(model, CoderInfiller):
        raise TaskError("--control is for the embedded model's kind; a larger model fills left to right with --no-copy")
    return _CONTROLS[control](model, tasks)


def _method(arguments: argparse.Namespace) -> str:
    if arguments.control:
        return str(arguments.control)
    return "diffusion + copy" if arguments.retrieve else "diffusion"


def _model(given: str, model: Infiller | CoderInfiller) -> Model:
    info, path = model.info, model_path(given)
    return Model(
        name=info.name,
        sha256=sha256(path if path.is_file() else path / "model.safetensors"),
        parameters=info.parameters,
        trained_tokens=info.trained_tokens,
        device=info.device,
        dtype=info.dtype,
        threads=info.threads,
    )
