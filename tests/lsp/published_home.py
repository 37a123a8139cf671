"""A user's folders with a table of one tiny published model, an index of its wheels, and no hub unless one is given."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tiny_published
from tiny_qwen2 import write_gguf

from infill_model.catalogue.published import Published

ROOT = Path(__file__).parents[2]
NAME = "base-0.5b"
NOWHERE = "http://127.0.0.1:9"
SITE = """import huggingface_hub.constants
huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = 1000  # Its client waits for 10 MB before it writes.
"""


class Home:
    """A user's folders, and the command line with them."""

    def __init__(self, place: Path, hub: str = NOWHERE) -> None:
        self.place, self.index = place, place / "index"
        self.gguf, site = place / "tiny.gguf", place / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE)
        write_gguf(self.gguf)
        self.model = tiny_published.published(NAME, self.gguf, index=self.index)
        self.folder = place / "cache/models" / NAME
        self.source, self.converted = self.folder / "source.gguf", self.folder / "model.packed"
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, (site, ROOT, ROOT / "model", ROOT / "tests/lsp"))),
            "INFILL_PUBLISHED": str(self.table(self.model)),
            "INFILL_CACHE": str(place / "cache"),
            "XDG_CONFIG_HOME": str(place / "config"),
            "HF_ENDPOINT": hub,
            "HF_HUB_CACHE": str(place / "hub"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.index),
            "OMP_NUM_THREADS": "1",
        }

    def table(self, *rows: Published) -> Path:
        return tiny_published.write_table(rows, self.place / "published.json")

    def command(self, *words: str, before: str = "") -> list[str]:
        code = f"import sys\n{before}\nfrom infill_lsp.cli.main import main\nsys.exit(main())"
        return [sys.executable, "-c", code, *words]

    def run(
        self, *words: str, given: str = "", before: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, before=before),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=self.environment | environment,
        )

    def use(
        self, *flags: str, given: str = "", before: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run("models", "use", NAME, *flags, given=given, before=before, **environment)

    def listed(self, name: str = NAME) -> dict[str, Any]:
        rows = json.loads(self.run("models", "list", "--json").stdout)
        return next(it for it in rows if it["name"] == name)

    def configured(self, setting: str = "infill.model") -> object:
        path = self.place / "config/infill-lsp/config.json"
        return json.loads(path.read_text()).get(setting) if path.exists() else None
