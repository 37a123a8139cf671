"""Write a tiny Llama with random weights as a GGUF file, with fill-in-the-middle tokens, for llama-server."""

import sys
from pathlib import Path

import gguf
import numpy as np

WIDTH, HIDDEN, LAYERS, HEADS, CONTEXT = 32, 64, 1, 2, 4096
MARKS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")


def write(path: Path) -> None:
    """Write the model; each of the 256 bytes is a token of its own."""
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "llama")
    for add, value in (
        (writer.add_context_length, CONTEXT),
        (writer.add_embedding_length, WIDTH),
        (writer.add_block_count, LAYERS),
        (writer.add_feed_forward_length, HIDDEN),
        (writer.add_head_count, HEADS),
        (writer.add_head_count_kv, HEADS),
        (writer.add_layer_norm_rms_eps, 1e-5),
        (writer.add_rope_dimension_count, WIDTH // HEADS),
    ):
        add(value)
    tokens = _tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_token_types([control if it.startswith("<|") else normal for it in tokens])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(tokens.index("<|end|>"))
    writer.add_bos_token_id(tokens.index("<|end|>"))
    writer.add_add_bos_token(False)
    for key, mark in zip(("fim_pre", "fim_suf", "fim_mid"), MARKS, strict=True):
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", tokens.index(mark))

    def tensor(name: str, *shape: int) -> np.ndarray:
        values = random.normal(0, 1, shape).astype(np.float32)
        writer.add_tensor(name, values)
        return values

    # The first value of each state is the same for all tokens, so it can keep non-text from being written.
    tensor("token_embd.weight", len(tokens), WIDTH)[:, 0] = 30.0
    tensor("output_norm.weight", WIDTH)[0] = 1.0
    tensor("output.weight", len(tokens), WIDTH)[:, 0] = [0.0 if _is_plain(it) else -100.0 for it in tokens]
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            tensor(f"blk.{layer}.{name}.weight", WIDTH)
        for name in ("attn_q", "attn_k", "attn_v"):
            tensor(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        tensor(f"blk.{layer}.attn_output.weight", WIDTH, WIDTH)[0] = 0.0
        for name in ("ffn_gate", "ffn_up"):
            tensor(f"blk.{layer}.{name}.weight", HIDDEN, WIDTH)
        tensor(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)[0] = 0.0
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _is_plain(token: str) -> bool:
    """Report whether a token, in GPT-2's notation, is visible ASCII, a blank or a line end."""
    return (token.isascii() and not token.startswith("<|")) or token in ("\u0120", "\u010a")


def _tokens() -> list[str]:
    """Return the bytes in GPT-2's notation, one merge, and the special tokens."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [it for it in range(256) if it not in shown]
    return [*map(chr, shown), *(chr(256 + at) for at in range(len(hidden))), "ab", *MARKS, "<|end|>"]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
