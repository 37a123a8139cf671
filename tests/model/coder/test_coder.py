import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_qwen2 import write_gguf
from transformers import Qwen2Config, Qwen2ForCausalLM

from infill_model.coder import joining
from infill_model.coder.encoder import CHUNK, ROOT, RowCache
from infill_model.coder.healing import Healed, Healer
from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.layout import RowBudget
from infill_model.coder.one_gap import BEHIND, LONGER, OneGap
from infill_model.coder.reading import LEAST
from infill_model.coder.writing import Acceptance, Writer, WrittenRow
from infill_model.denoising.stop import Limits
from infill_model.errors import WeightsError
from infill_model.packing import converted, low_rank
from infill_model.packing.converted import Converted, convert, read
from infill_model.packing.gguf_export import export_gguf
from infill_model.packing.gguf_file import GgufFile
from infill_model.request import Options, Request
from infill_model.transformer.transformer import Transformer
from infill_model.vocabulary import RESERVED

_NO_LIMITS = Limits(64)
CODE = "def add(first, second):\n    result = first + second\n    return result\n\n\nclass Box:\n    def get(self):\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coder")
    gguf = write_gguf(folder / "tiny.gguf")
    low_rank.save(folder / "update", low_rank.attach(_network_of(gguf), 2), "tiny")
    convert(gguf, folder / "update", folder / "tiny.safetensors", "tiny")
    return folder / "tiny.safetensors"


@pytest.fixture(scope="module")
def exact(file: Path) -> CoderInfiller:
    return CoderInfiller(read(file), "cpu", "float32", RowBudget(above=96, below=48))


@pytest.fixture
def packed(file: Path) -> CoderInfiller:
    return CoderInfiller(read(file), "cpu", "int8", RowBudget(above=96, below=48))


def _logits(cache: RowCache, ids: list[int]) -> torch.Tensor:
    cache.open(ids)
    cache.grow([(ROOT, ())])
    return cache.logits(ROOT)


def test_logits_equal_those_of_transformers(file: Path, exact: CoderInfiller) -> None:
    it = read(file)
    shape = it.shape
    config = Qwen2Config(
        vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
        rope_theta=shape.theta, rms_norm_eps=shape.eps, tie_word_embeddings=False,
    )  # fmt: skip
    reference = Qwen2ForCausalLM(config).eval()
    reference.load_state_dict(_hub_weights(it))
    ids = torch.tensor(exact.tokens.encode(CODE))
    with torch.no_grad():
        wanted = reference(ids.unsqueeze(0)).logits[0][:, it.weights["head.ids"].long()]
    n = len(ids)
    seen = torch.ones(n, n, dtype=torch.bool).tril()
    states, _ = exact.network.run(ids, torch.arange(n), seen, exact.network.cache(n), 0)
    assert (exact.network.logits(states) - wanted).abs().max() < 2e-4


def _hub_weights(it: Converted) -> dict[str, torch.Tensor]:
    """Return the converted weights, unpacked again, under the hub's names."""

    def plain(name: str) -> torch.Tensor:
        return it.weights[f"{name}.weight"].float() * it.weights[f"{name}.scale"].float().unsqueeze(1)

    head = torch.zeros(it.shape.vocabulary, it.shape.width)
    head[it.weights["head.ids"].long()] = plain("head")
    out = {
        "model.embed_tokens.weight": plain("embedding"),
        "lm_head.weight": head,
        "model.norm.weight": it.weights["norm"],
    }
    kv = it.shape.kv_heads * it.shape.head_width
    for n in range(it.shape.layers):
        its, to = f"layers.{n}.", f"model.layers.{n}."
        parts = plain(f"{its}qkv").split([it.shape.width, kv, kv])
        biases = it.weights[f"{its}qkv.bias"].split([it.shape.width, kv, kv])
        for name, weight, bias in zip("qkv", parts, biases, strict=True):
            out |= {f"{to}self_attn.{name}_proj.weight": weight, f"{to}self_attn.{name}_proj.bias": bias}
        out[f"{to}self_attn.o_proj.weight"] = plain(f"{its}out")
        gate, up = plain(f"{its}gate_up").chunk(2)
        out |= {f"{to}mlp.gate_proj.weight": gate, f"{to}mlp.up_proj.weight": up}
        out[f"{to}mlp.down_proj.weight"] = plain(f"{its}down")
        out[f"{to}input_layernorm.weight"] = it.weights[f"{its}attention_norm"]
        out[f"{to}post_attention_layernorm.weight"] = it.weights[f"{its}mlp_norm"]
    return out


def test_a_reused_cache_gives_what_none_gives_over_random_edits(exact: CoderInfiller) -> None:
    rng = random.Random(1)
    text = CODE * 2
    kept = RowCache(exact.network, exact.budget.longest)
    for _ in range(500):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(["x", " = ", "\n    ", "self.", ""]) + text[at + rng.randrange(4) :]
        cursor = rng.randrange(len(text) + 1)
        row = exact.layout.row(text[:cursor], (text[cursor:],))
        fresh = RowCache(exact.network, exact.budget.longest)
        assert (_logits(kept, row) - _logits(fresh, row)).abs().max() < 1e-4


def test_a_tree_gives_what_its_branches_give_one_by_one(exact: CoderInfiller) -> None:
    row = exact.layout.row(CODE, ("\n",))
    cache = RowCache(exact.network, exact.budget.longest)
    cache.open(row)
    encode = exact.tokens.encode
    branches = [encode("return self.x"), encode("return result"), encode("ret"), encode("pass")]
    first = cache.grow([(ROOT, it) for it in branches[:2]])
    later = cache.grow([(ROOT, branches[2]), (first[1][-1], branches[3])])
    for path, ids in [(first[0], branches[0]), (later[0], branches[2]), (later[1], branches[1] + branches[3])]:
        alone = _logits(RowCache(exact.network, exact.budget.longest), [*row, *ids])
        assert (cache.logits(path[-1]) - alone).abs().max() < 1e-4


@pytest.mark.parametrize("model", ["exact", "packed"])
def test_verified_drafts_give_the_greedy_fill_token_for_token(model: str, request: pytest.FixtureRequest) -> None:
    it: CoderInfiller = request.getfixturevalue(model)
    rng = random.Random(2)
    forwards, parted = [0, 0], 0
    for number in range(300):
        cursor = rng.randrange(len(CODE))
        asked = Request(CODE[:cursor], CODE[cursor:], block=number % 2 == 0)
        plain = _written(it, asked, [])
        noisy = [[*plain.ids[: rng.randrange(len(plain.ids) + 1)], *it.tokens.encode(rng.choice(["x", "self", "):"]))]]
        drafted = _written(it, asked, [*noisy, it.tokens.encode("return")])
        if drafted.ids != plain.ids:  # Rounding to int8 magnifies the last bits of a sum: only near-ties may differ.
            part = next(n for n, (a, b) in enumerate(zip(drafted.ids, plain.ids, strict=False)) if a != b)
            assert model == "packed"
            assert drafted.probabilities[part] == pytest.approx(plain.probabilities[part], abs=2e-2)
            parted += 1
        else:
            assert drafted.stopped == plain.stopped
        forwards = [forwards[0] + plain.forwards, forwards[1] + drafted.forwards]
    assert forwards[1] < 0.8 * forwards[0]
    assert parted <= 6


def _written(it: CoderInfiller, asked: Request, drafts: list[list[int]]) -> WrittenRow:
    cache = it._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
    assert cache is not None
    writer = replace(it.tokens.writer(cache, block=asked.block), most=12)
    written = WrittenRow()
    while written.stopped is None:
        left = [draft[len(written.ids) :] for draft in drafts if tuple(draft[: len(written.ids)]) == written.ids]
        (written,) = writer.step([written], [left], Acceptance(), 24)
    return written


def test_a_likely_draft_is_kept_although_another_token_is_likelier(exact: CoderInfiller) -> None:
    asked = Request(CODE, "\n")
    greedy = _written(exact, asked, [])
    second = [it for it in exact.tokens.encode("self") if it != greedy.ids[0]]
    cache = exact._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
    assert cache is not None
    writer = exact.tokens.writer(cache, block=False)
    (kept,) = writer.step([WrittenRow()], [[second]], Acceptance(1e-9), 8)
    (equal,) = exact.tokens.writer(cache, block=False).step([WrittenRow()], [[second]], Acceptance(), 8)
    assert kept.ids[: len(second)] == tuple(second)
    assert equal.ids[:1] == greedy.ids[:1]


def test_a_draft_s_probability_is_the_product_of_its_tokens(exact: CoderInfiller) -> None:
    asked = Request(CODE, "\n")
    text = "        return self"
    ids = exact.tokens.encode(text)
    row = exact.layout.row(asked.prefix, (asked.suffix,))
    total = 0.0
    for n in range(len(ids) + 1):
        chances = _logits(RowCache(exact.network, exact.budget.longest), [*row, *ids[:n]]).log_softmax(0)
        ends = chances[exact.tokens.ends.at_line].logsumexp(0)
        total += float(ends if n == len(ids) else chances[exact.tokens.ends.ids.tolist().index(ids[n])])
    assert exact.log_probability(asked, text) == pytest.approx(total, abs=1e-3)


def test_a_present_text_is_only_read_token_by_token(exact: CoderInfiller) -> None:
    asked, text = Request(CODE, "\n"), "        return self  # größer\n" * 12
    ids = exact.tokens.encode(text)
    assert len(ids) > 2 * CHUNK
    (fill,) = exact.fill(asked, Options(start=(text,), steps=0))
    assert "".join(it.text for it in fill.tokens) == text == fill.texts[0]
    row = exact.layout.row(asked.prefix, (asked.suffix,))
    for n in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, len(ids) - 1):
        chances = _logits(RowCache(exact.network, exact.budget.longest), [*row, *ids[:n]]).softmax(0)
        wanted = float(chances[exact.tokens.ends.ids.tolist().index(ids[n])])
        assert fill.tokens[n].confidence == pytest.approx(max(wanted, LEAST), rel=1e-2)
    assert (fill.steps, exact.info.reads) == (0, True)
    assert len(exact.encoder.cache_for(row)._logits) == 1, "those of a long text would take megabytes"


def test_reading_ends_when_it_is_cancelled_and_leaves_the_cache_usable(exact: CoderInfiller) -> None:
    asked, text = Request(CODE, "\n"), "        return self\n" * 40
    calls = iter([False] * 2)
    assert exact.fill(asked, Options(start=(text,), steps=0), cancelled=lambda: next(calls, True)) == []
    (fill,) = exact.fill(asked, Options(start=(text,), steps=0))
    assert len(fill.tokens) == len(exact.tokens.encode(text))


def test_several_fills_are_different_and_in_order(exact: CoderInfiller) -> None:
    fills = exact.fill(Request(CODE + "        return ", "\n"), Options(n=4))
    texts = [it.texts[0] for it in fills]
    assert len(set(texts)) == len(texts) <= 4
    assert [it.confidence for it in fills] == sorted((it.confidence for it in fills), reverse=True)
    assert all("\n" not in it for it in texts)


def test_several_gaps_are_filled_in_turn(exact: CoderInfiller) -> None:
    (fill,) = exact.fill(Request("total = ", ")\n", between=(" + max(",)), Options())
    assert len(fill.texts) == 2
    assert [it.text for it in fill.tokens if it.pinned] == [" + max("]


def test_the_critic_sees_all_gaps_when_the_last_one_is_filled(exact: CoderInfiller) -> None:
    request = Request("total = ", ")\n", between=(" + max(",))
    (before,) = exact.fill(request, Options())
    seen = set[tuple[str, ...]]()

    def critic(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        seen.add(tuple(texts))
        return [[], [(0, 1)] if texts[1] == before.texts[1] else []]

    (after,) = exact.fill(request, Options(), critic=critic)
    assert {it[0] for it in seen} == {before.texts[0]}
    assert len(seen) > 1
    assert after.texts[0] == before.texts[0]
    assert after.texts[1] != before.texts[1]


def test_the_critic_s_objections_go_last(exact: CoderInfiller) -> None:
    asked = Request(CODE + "        return ", "\n")
    first = exact.fill(asked, Options())[0].texts[0]

    def critic(texts: tuple[str, ...]) -> list[list[tuple[int, int]]]:
        return [[(0, len(texts[0]))] if texts[0] == first else []]

    assert exact.fill(asked, Options(), critic=critic)[0].texts[0] != first


def test_a_cancelled_fill_ends_before_the_next_forward(exact: CoderInfiller) -> None:
    exact.encoder.forget()
    assert exact.fill(Request(CODE, "\n"), Options(), cancelled=lambda: True)[0].stopped == "cancelled"


def test_a_word_at_the_cursor_is_healed_where_the_fill_is_likelier_so(exact: CoderInfiller) -> None:
    """Both alternatives are written out: after the last token, and with a longer one in its place."""
    chosen = {"longer": 0, "last": 0}
    for cursor in range(4, len(CODE)):
        asked = Request(CODE[:cursor], "\n")
        cache = exact._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
        assert cache is not None
        gap = OneGap(asked, Options(retrieve=False), _NO_LIMITS, cache, exact.tokens, None, None)
        written, healed = gap.write(), gap._healed
        if healed is None:
            continue
        both = {
            "longer": _begun(exact, asked, WrittenRow((healed.token,), (healed.probability,))),
            "last": _begun(exact, asked, WrittenRow((healed.last,), (1.0,))),
        }
        best = max(both, key=lambda it: both[it].total)
        assert written.ids == both[best].ids
        assert written.total == pytest.approx(both[best].total, abs=1e-3)
        (text, *_) = gap.found
        assert healed.dropped + text == exact.tokens.decode(written.ids).split("\n")[0]
        assert CODE[:cursor].endswith(healed.dropped)
        assert CODE[:cursor].rpartition("\n")[2].strip()
        chosen[best] += 1
    assert min(chosen.values()) > 2


def _begun(it: CoderInfiller, asked: Request, written: WrittenRow) -> WrittenRow:
    """Return the greedy continuation from one token before the cursor."""
    cache = it._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
    assert cache is not None
    cache.open(cache.ids[:-1])
    writer = it.tokens.writer(cache, block=False)
    while written.stopped is None:
        (written,) = writer.step([written], [[]], Acceptance(), 0)
    return written


def test_tokens_are_found_by_how_they_begin() -> None:
    healer = Healer(["re", "ret", "return", " re", "x", "r"])
    assert sorted(healer.beginning("re")) == [0, 1, 2]
    assert healer.beginning("zz") == []


def test_without_time_to_read_the_code_copies_answer_and_the_next_request_goes_on(file: Path) -> None:
    model = CoderInfiller(read(file), "cpu", "float32", RowBudget(above=400, below=48))
    asked = Request(CODE * 3 + "    result = fir", "\n")
    (fill,) = model.fill(asked, Options(budget_ms=0))
    assert (fill.retrieved, fill.texts) == (True, ("st + second",))
    row = model.layout.row(asked.prefix, (asked.suffix,))
    cache = model.encoder.cache_for(row)
    looks = iter([False, True])
    assert not cache.open(row, lambda: next(looks))
    assert cache.common(row) == CHUNK


def test_a_text_is_revised_where_it_is_improbable_and_scored_as_it_is(exact: CoderInfiller) -> None:
    asked = Request(CODE + "        return ", "\n")
    fills = exact.fill(asked, Options(n=2, start=("zzz",), remask="revoke:0.05"))
    assert "zzz" in [it.texts[0] for it in fills]
    assert all(it.score is not None for it in fills)


def test_a_model_is_given_the_order_it_was_taught(exact: CoderInfiller, tmp_path: Path) -> None:
    untuned = CoderInfiller(_converted(write_gguf(tmp_path / "tiny.gguf"), tmp_path / "out.safetensors"))
    names = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    for model, order in ((exact, "below above"), (untuned, "above below")):
        row = model.layout.row("above", ("below",))
        at = [row.index((model.vocabulary.special_id(it) or 0) - RESERVED) for it in names]
        between = [row[at[0] + 1 : at[1]], row[at[1] + 1 : at[2]], row[at[2] + 1 :]]
        assert " ".join(filter(None, map(model.tokens.decode, between))) == order


def test_an_update_is_merged(tmp_path: Path) -> None:
    gguf = write_gguf(tmp_path / "tiny.gguf")
    network = _network_of(gguf)
    updates = low_rank.attach(network, 4)
    for it in updates.values():
        it.b.data.normal_(0, 0.05)
    low_rank.save(tmp_path / "update", updates, "tiny")
    convert(gguf, tmp_path / "update", tmp_path / "out.safetensors", "tiny")
    merged, plain = read(tmp_path / "out.safetensors"), _converted(gguf, tmp_path / "plain.safetensors")
    name = "layers.1.down"
    got = merged.weights[f"{name}.weight"].float() * merged.weights[f"{name}.scale"].unsqueeze(1)
    was = plain.weights[f"{name}.weight"].float() * plain.weights[f"{name}.scale"].unsqueeze(1)
    it = updates["model.layers.1.mlp.down_proj"]
    assert (got - was - low_rank.SCALE * it.b @ it.a).abs().max() < 0.02


@pytest.mark.parametrize(("kind", "close"), [("f16", 1e-3), ("q8_0", 0.02), ("q4_0", 0.2)])
def test_what_is_exported_is_the_merged_model(kind: str, close: float, tmp_path: Path) -> None:
    gguf = write_gguf(tmp_path / "tiny.gguf")
    updates = low_rank.attach(_network_of(gguf), 4)
    for it in updates.values():
        it.b.data.normal_(0, 0.05)
    low_rank.save(tmp_path / "update", updates, "tiny", torch.float32)
    export_gguf(gguf, tmp_path / "update", tmp_path / "out.gguf", kind)
    merged = {name: tensor.clone() for name, tensor in GgufFile(gguf).tensors()}
    for name, it in updates.items():
        merged[f"{name}.weight"] += low_rank.SCALE * it.b.detach() @ it.a.detach()
    got = dict(GgufFile(tmp_path / "out.gguf").tensors())
    assert got.keys() == merged.keys()
    assert max(float((got[name] - merged[name]).abs().max()) for name in merged) < close
    assert GgufFile(tmp_path / "out.gguf").shape == GgufFile(gguf).shape
    assert GgufFile(tmp_path / "out.gguf").tokens.tokens == GgufFile(gguf).tokens.tokens


def test_the_exported_model_fills_as_ours_does(tmp_path: Path) -> None:
    gguf = write_gguf(tmp_path / "tiny.gguf")
    export_gguf(gguf, None, tmp_path / "out.gguf", "f16")
    first, second = (
        CoderInfiller(_converted(path, tmp_path / f"{path.stem}.safetensors"), "cpu", "float32")
        for path in (gguf, tmp_path / "out.gguf")
    )
    for cursor in range(10, len(CODE), 10):
        asked = Request(CODE[:cursor], CODE[cursor:])
        assert first.fill(asked, Options(steps=8))[0].texts == second.fill(asked, Options(steps=8))[0].texts


def test_an_update_of_another_model_is_said_in_words(tmp_path: Path) -> None:
    gguf = write_gguf(tmp_path / "tiny.gguf")
    wide = {"model.layers.0.mlp.up_proj": low_rank.LowRank(torch.nn.Linear(896, 96, bias=False), 4)}
    low_rank.save(tmp_path / "update", wide, "wide")
    with pytest.raises(WeightsError, match="another model"):
        convert(gguf, tmp_path / "update", tmp_path / "out", "tiny")
    assert not (tmp_path / "out").exists()


def _network_of(gguf: Path) -> torch.nn.Module:
    source = GgufFile(gguf)
    network = Transformer(source.shape)
    network.load_state_dict(dict(source.tensors()), strict=True)
    return network


def _converted(gguf: Path, out: Path) -> Converted:
    convert(gguf, None, out, "tiny")
    return read(out)


def test_int8_is_near_float32(exact: CoderInfiller, packed: CoderInfiller) -> None:
    row = exact.layout.row(CODE, ("\n",))
    plain, rough = (_logits(RowCache(it.network, it.budget.longest), row) for it in (exact, packed))
    assert torch.nn.functional.cosine_similarity(plain, rough, 0) > 0.99


def test_int8_rows_do_not_depend_on_their_neighbours(packed: CoderInfiller) -> None:
    product = packed.network._layers[0].qkv
    x = torch.randn(7, 64) * torch.logspace(-2, 2, 7).unsqueeze(1)
    assert torch.equal(product(x)[2:3], product(x[2:3]))


@pytest.mark.parametrize("damage", ["cut", "other", "missing", "version"])
def test_a_damaged_file_is_said_in_words(damage: str, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    whole = file.read_bytes()
    if damage != "missing":
        path.write_bytes({"cut": whole[: len(whole) // 2], "other": b"x" * 100, "version": whole}[damage])
    with pytest.MonkeyPatch.context() as patch:
        if damage == "version":
            patch.setattr(converted, "FORMAT", 99)
        with pytest.raises(WeightsError, match="models use"):
            CoderInfiller.load(path)


def test_weights_that_are_no_numbers_are_refused(file: Path, tmp_path: Path) -> None:
    with safe_open(file, "pt") as stored:
        metadata, weights = stored.metadata(), load_file(file)
    next(it for it in weights.values() if it.is_floating_point()).view(-1)[0] = float("nan")
    save_file(weights, tmp_path / "spoiled.safetensors", metadata)
    with pytest.raises(WeightsError, match="contains values that are not finite"):
        CoderInfiller.load(tmp_path / "spoiled.safetensors")


def test_no_gguf_file_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(WeightsError, match="download it again"):
        convert(tmp_path / "x.gguf", None, tmp_path / "out", "tiny")
    assert not (tmp_path / "out").exists()


def test_the_head_always_has_single_bytes_and_the_end(exact: CoderInfiller) -> None:
    head = exact.network.head_ids.tolist()
    assert set(range(256)) <= set(head)
    assert exact.vocabulary.special_id("<|endoftext|>") is not None
    assert np.load(converted.HEAD).dtype == np.uint32


def test_shapes_survive_the_file(file: Path) -> None:
    assert asdict(read(file).shape)["kv_heads"] == 2


def test_fills_are_read_with_the_rest_of_the_line_behind_them(exact: CoderInfiller) -> None:
    """Own and joined probabilities equal those of whole rows recomputed, however the token at the cursor was healed."""
    healed = 0
    for cursor in range(8, len(CODE) - 4, 3):
        asked = Request(CODE[:cursor], CODE[cursor + 2 :])
        rest = joining.rest_of_line(asked.suffix)
        if not rest:
            continue
        cache = exact._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
        assert cache is not None
        gap = OneGap(asked, Options(), _NO_LIMITS, cache, exact.tokens, None, None)
        gap.write()
        greedy = next(iter(gap.found.values()))
        gap.write_others(3)
        written = [it for it in gap.found.values() if it.path]
        assert all(len(it.ids) <= len(greedy.ids) + LONGER for it in written)
        assert all(it.total >= greedy.total - BEHIND - 12 for it in written), "given up but for the last token"
        ranked = gap.ranked()
        healed += gap._healed is not None
        row = exact.layout.row(asked.prefix, (asked.suffix,))
        for text, joined in list(gap._joined.items())[:2]:
            ids = exact.tokens.encode(text + rest)
            chances = [_logits(RowCache(exact.network, 160), [*row, *ids[:n]]).log_softmax(0) for n in range(len(ids))]
            places = [exact.tokens.ends.ids.tolist().index(it) for it in ids]
            assert joined == pytest.approx(sum(float(a[b]) for a, b in zip(chances, places, strict=True)), abs=2e-3)
        assert sum(ranked.values()) <= 1.0 + 1e-6
    assert healed > 1


def test_others_are_written_where_a_healed_beginning_is_given_up_at_once(
    exact: CoderInfiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The continuation after the last token ended with the first forward, so the row before it was never read."""
    ended = 0

    def heal(healer: Healer, cache: RowCache, writer: Writer, decode: object, line: str) -> Healed:
        last = cache.ids[-1]
        return Healed(last, exact.tokens.decode([last]), last, 1e-9, 1.0)

    monkeypatch.setattr(Healer, "heal", heal)
    for cursor in range(4, len(CODE), 2):
        asked = Request(CODE[:cursor], "\n")
        fills = exact.fill(asked, Options(n=3, retrieve=False))
        ended += fills[0].texts == ("",)
        assert "".join(it.text for it in fills[0].tokens).split("\n")[0] == fills[0].texts[0]
        assert [it.confidence for it in fills] == sorted((it.confidence for it in fills), reverse=True)
    assert ended > 0


def test_others_leave_time_for_joining(exact: CoderInfiller) -> None:
    """With a clock that puts the deadline three forwards away, no other beginning is written."""
    asked = Request(CODE[:60], CODE[62:])
    for left, more in ((0.5, False), (1e9, True)):
        cache = exact._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
        assert cache is not None
        limits = Limits(64, deadline=left, clock=lambda: 0.0)
        gap = OneGap(asked, Options(retrieve=False), limits, cache, exact.tokens, None, None)
        gap.write()
        gap._took, before = 0.2, gap.forwards
        gap.write_others(4)
        assert (gap.forwards > before) == more


def test_several_lines_are_never_nothing(exact: CoderInfiller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the end is likeliest at once, a gap within a line stays empty; several lines do not."""
    always = exact.tokens.ends.always
    for cursor in range(40, 80):
        prefix = CODE[:cursor]
        likely = _logits(RowCache(exact.network, 160), exact.layout.row(prefix, ("\n",))).softmax(0)
        most, second = likely.topk(2).indices.tolist()
        if exact.tokens.decode([int(exact.tokens.ends.ids[second])]).strip() and not always[second]:
            break
    always = always.clone()
    always[most] = True
    ends = replace(exact.tokens.ends, always=always, at_line=always | exact.tokens.ends.at_line)
    monkeypatch.setattr(exact, "tokens", replace(exact.tokens, ends=ends, healer=Healer([])))
    options = Options(retrieve=False)
    line, block = (exact.fill(Request(prefix, "\n", block=it), options)[0] for it in (False, True))
    assert line.texts == ("",)
    assert block.texts[0].strip()
    left = likely.masked_fill(always, 0.0)
    assert block.tokens[0].confidence == pytest.approx(float(left.max() / left.sum()), abs=1e-4)
    revised = exact.fill(Request(prefix, "\n", block=True), replace(options, start=("x",), remask="revoke:1"))
    assert revised[0].texts == ("",), "a text that is revised may go"


def test_several_lines_are_not_nothing_behind_a_healed_token(
    exact: CoderInfiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the end likely after every token, only texts that are not blank are among the fills."""

    def heal(healer: Healer, cache: RowCache, writer: Writer, decode: object, line: str) -> Healed:
        last = cache.ids[-1]
        return Healed(last, exact.tokens.decode([last]), last, 1e-9, 1.0)

    often = torch.ones_like(exact.tokens.ends.always)
    often[::2] = False
    ends = replace(exact.tokens.ends, always=often, at_line=often)
    monkeypatch.setattr(exact, "tokens", replace(exact.tokens, ends=ends))
    monkeypatch.setattr(Healer, "heal", heal)
    for cursor in range(20, 60, 4):
        fills = exact.fill(Request(CODE[:cursor], "\n", block=True), Options(n=3, retrieve=False))
        assert all(it.texts[0].strip() for it in fills)


def test_others_leave_the_greedy_fill_at_any_token(exact: CoderInfiller) -> None:
    """Other fills may share a beginning with the greedy one, and have the probability that a reading of them gives."""
    shared = read = 0
    for cursor in range(8, len(CODE) - 4, 2):
        asked = Request(CODE[:cursor], "\n")
        cache = exact._opened(asked.prefix, (asked.suffix,), (), _NO_LIMITS)
        assert cache is not None
        gap = OneGap(asked, Options(retrieve=False), _NO_LIMITS, cache, exact.tokens, None, None)
        gap.write()
        ((_, greedy),) = gap.found.items()
        gap.write_others(4)
        for text, it in list(gap.found.items())[1:]:
            assert it.total > greedy.total - BEHIND - 12
            shared += bool(it.ids and greedy.ids) and it.ids[0] == greedy.ids[0]
            if gap._healed is None and tuple(exact.tokens.encode(text)) == it.ids:
                assert it.total == pytest.approx(exact.log_probability(asked, text), abs=1e-3)
                read += 1
    assert shared > 3
    assert read > 3
