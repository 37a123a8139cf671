"""The worked example of docs/models.md loads and fills."""

import json
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from tiny import checkpoint

from infill_model.catalogue.catalogue import ENTRIES
from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.families import registry
from infill_model.families.family import TransformerFamily
from infill_model.request import Options, Request

DOCUMENT = Path(__file__).parents[3] / "docs" / "models.md"


def test_the_worked_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    names: dict[str, object] = {}
    exec(example[1], names)  # noqa: S102  # It is our own document.
    family = names["FAMILY"]
    assert isinstance(family, TransformerFamily)
    folder = checkpoint(tmp_path / "it", "dream")
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "sleep"}
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    own = {name.replace("self_attn.q_proj", "attn.query"): it for name, it in weights.items()}
    save_file(own, folder / "model.safetensors")
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, family))
    (fill,) = OpenInfiller.load(folder, device="cpu").fill(Request("x = ", "\n"), Options())
    assert fill.stopped == "complete"


def test_the_table_has_every_family_and_a_star_where_it_was_not_verified() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([\w-]+)`( \*)? \|", text, re.MULTILINE))
    assert listed.keys() == {it.name for it in registry.FAMILIES} | {"causal"}
    for entry in ENTRIES:
        assert bool(listed[entry.family]) == (entry.verified == "no"), entry.family
    for file in re.findall(r"\| `([\w/]+\.py)` \|$", text, re.MULTILINE):
        assert (Path(registry.__file__).parents[1] / file).is_file()
