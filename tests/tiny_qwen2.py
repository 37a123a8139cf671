"""A Qwen2 network of two layers with random weights, as a GGUF file: real except for its size."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

from infill_model.vocabulary import BYTE_OF

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
           "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")  # fmt: skip
WIDTH, LAYERS, HEADS, KV_HEADS, MLP = 64, 2, 4, 2, 96


def write_gguf(path: Path, seed: int = 0, *, tied: bool = False) -> Path:
    """Write the file; the same seed gives the same bytes."""
    rng = np.random.default_rng(seed)
    letters = sorted(BYTE_OF, key=BYTE_OF.__getitem__)
    merges = ["r e", "re t", "Ġ Ġ", "ĠĠ ĠĠ", "i n", ") Ċ", "s e", "se l", "sel f", "Ċ Ċ"]
    tokens = [*letters, *("".join(it.split(" ")) for it in merges), *SPECIAL]
    kinds = [TokenType.NORMAL] * (len(tokens) - len(SPECIAL)) + [TokenType.CONTROL] * len(SPECIAL)
    writer = GGUFWriter(path, "qwen2")
    writer.add_context_length(4096)
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)

    def matrix(outputs: int, inputs: int) -> np.ndarray:
        return (rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)).astype(np.float32)

    kv = WIDTH // HEADS * KV_HEADS
    writer.add_tensor("token_embd.weight", 3 * matrix(len(tokens), WIDTH))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    if not tied:
        writer.add_tensor("output.weight", 3 * matrix(len(tokens), WIDTH))
    sizes = {"attn_q": (WIDTH, WIDTH), "attn_k": (kv, WIDTH), "attn_v": (kv, WIDTH), "attn_output": (WIDTH, WIDTH),
             "ffn_gate": (MLP, WIDTH), "ffn_up": (MLP, WIDTH), "ffn_down": (WIDTH, MLP)}  # fmt: skip
    for layer in range(LAYERS):
        for name, size in sizes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(*size))
            if name in ("attn_q", "attn_k", "attn_v"):
                writer.add_tensor(f"blk.{layer}.{name}.bias", matrix(1, size[0])[0])
        writer.add_tensor(f"blk.{layer}.attn_norm.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(f"blk.{layer}.ffn_norm.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
