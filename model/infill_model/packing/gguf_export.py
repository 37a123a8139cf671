"""Writes a GGUF file with a low-rank update merged, so that other programs can run the tuned model.

The configuration and the tokenizer are the source's; matrices are stored in the requested format, norms and biases in
float32. Rows are then laid out as in `fim.py`: a program that serves the file must put the code after the gap first.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from infill_model.errors import WeightsError
from infill_model.packing import low_rank
from infill_model.packing.gguf_file import GgufFile

KINDS: Final = ("f16", "q8_0", "q4_0")
"""The formats of stored matrices."""


def export_gguf(source: Path, update: Path | None, out: Path, kind: str) -> None:
    """Write a GGUF file under another name and move it into place when it is complete.

    Args:
        source: the published model.
        update: a folder as `low_rank.save` writes it, or None.
        out: the file to write.
        kind: one of `KINDS`.

    Raises:
        WeightsError: an input cannot be read, or `out` cannot be written.
    """
    file = GgufFile(source)
    factors = low_rank.load(update) if update else {}
    part = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _write(file, factors, part, kind)
        part.replace(out)
    except OSError as error:
        raise WeightsError(f"{out}: cannot write the file ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)


def _write(file: GgufFile, factors: dict[str, Any], part: Path, kind: str) -> None:
    from gguf import GGMLQuantizationType, GGUFWriter  # noqa: PLC0415  # Only when such a file is written.
    from gguf.quants import quantize  # noqa: PLC0415

    stored = GGMLQuantizationType[kind.upper()]
    writer = GGUFWriter(part, "qwen2")
    file.copy_fields(writer)
    for name, theirs, tensor in file.named_tensors():
        a, b = factors.get(name.removesuffix(".weight"), (None, None))
        values = (tensor if a is None or b is None else tensor + b @ a).numpy()
        if values.ndim == 1:
            writer.add_tensor(theirs, values.astype(np.float32))
        else:
            writer.add_tensor(theirs, quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
