"""Self-made random checkpoints, small enough for every test: they need nothing outside the repository."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from infill_model.families.family import TransformerFamily
from infill_model.families.registry import family_of
from infill_model.files.checkpoint import Checkpoint
from infill_model.transformer.transformer import Transformer

SPECIAL = ("<|endoftext|>", "<|mask|>", "<|expand|>", "<M>", "<|im_start|>", "|<MASK>|")
CONFIGS = {
    "dream": {"model_type": "Dream"},
    "dreamon": {"model_type": "Dream", "expand_token_id": 258},
    "open-dcoder": {"model_type": "qwen2", "tie_word_embeddings": True},
    "sdar": {"model_type": "sdar", "block_size": 4},
    "fast-dllm-v2": {"model_type": "Fast_dLLM_Qwen", "bd_size": 8},
}


def tokenizer(special: tuple[str, ...] = SPECIAL) -> Tokenizer:
    """Return a tokenizer in which every byte is a token, with special ones from 256 on."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: n for n, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(it, special=True) for it in special])
    return made


def checkpoint(folder: Path, family: str, *, seed: int = 0) -> Path:
    """Write a family's checkpoint; of its layout only the files that the family's own loader needs."""
    special = tuple(it for it in SPECIAL if it != "<M>" or family == "open-dcoder")
    if family == "dream":
        special = tuple(it for it in special if it != "<|expand|>")
    made = tokenizer(special)
    ids = {it: made.token_to_id(it) for it in special}
    config = {
        "vocab_size": 272,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "rope_theta": 1e6,
        "rms_norm_eps": 1e-6,
        "mask_token_id": ids["<|mask|>"],
        "eos_token_id": ids["<|endoftext|>"],
        "bos_token_id": ids["<|im_start|>"],
        **CONFIGS[family],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    made.save(str(folder / "tokenizer.json"))
    opened = Checkpoint.open(folder)
    known = family_of(opened)
    assert isinstance(known, TransformerFamily)
    shape = known.shape(opened)
    torch.manual_seed(seed)
    network = Transformer(shape)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    weights = {name: it.clone() for name, it in network.state_dict().items()}
    if shape.tied:
        del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors")
    return folder
