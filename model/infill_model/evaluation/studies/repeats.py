"""Measure how well a model exploits repetition in code: its loss on an excerpt, and on the same excerpt repeated.

The most frequent need of a completion, a name used a few lines above, is a small case of this. A model that attends to
earlier text finds the second copy almost free; one that only knows the language finds it as hard as the first. Run as
`python -m infill_model.evaluation.studies.repeats TASKS`; prints one JSON object.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import torch

from infill_model.embedded.folder import EMBEDDED
from infill_model.evaluation.tasks.tasks import read_tasks
from infill_model.infill.infiller import Infiller
from infill_model.vocabulary import ABOVE, BELOW

LENGTH = 150
"""Tokens of an excerpt; two copies fit the context."""

WARM = 5
"""Tokens at the start of the second copy that do not count: nothing yet shows that it is a copy."""

_HEAD = (BELOW, ABOVE)
"""Every context begins with the token of the lines below; without it attention has no token to rest on."""


@torch.no_grad()
def losses_of(infiller: Infiller, excerpt: Sequence[int]) -> tuple[float, float]:
    """Return mean next-token loss in nats over an excerpt, and over its repetition."""
    network = infiller.denoiser.network
    ids = torch.tensor([[*_HEAD, *excerpt, *excerpt]], device=infiller.denoiser.device)
    logs = network.logits(network.encode(ids))[0, len(_HEAD) - 1 : -1].float().log_softmax(-1)
    loss = -logs.gather(1, ids[0, len(_HEAD) :].unsqueeze(1)).squeeze(1)
    return float(loss[: len(excerpt)].mean()), float(loss[len(excerpt) + WARM :].mean())


def main() -> None:
    """Measure and print the losses."""
    parser = argparse.ArgumentParser(description="Measure how well a model sees repetition.")
    parser.add_argument("tasks", type=Path, help="a file of infilling tasks; their prefixes are read")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--limit", type=int, default=100)
    arguments = parser.parse_args()
    infiller = Infiller.load(arguments.model)
    tasks = read_tasks(arguments.tasks)
    random.Random(0).shuffle(tasks)  # noqa: S311 - reproducible, not a secret
    encoded = [infiller.vocabulary.encode(it.request().prefix[-20 * LENGTH :])[-LENGTH:] for it in tasks]
    pairs = [losses_of(infiller, it) for it in encoded if len(it) == LENGTH][: arguments.limit]
    first, second = (sum(it) / len(pairs) for it in zip(*pairs, strict=True))
    print(json.dumps({"excerpts": len(pairs), "first": round(first, 3), "second": round(second, 3)}))


if __name__ == "__main__":
    main()
