"""Training rows: pinned positions, masks and targets."""

import random

import numpy as np
import pytest

from infill_model.embedded.network import Shape
from infill_model.training.loop import row_builders
from infill_model.training.rows import Batch, RowBuilder, RowNoise
from infill_model.training.spans import excerpt, sample_spans
from infill_model.vocabulary import ABOVE, BELOW, DEL, END, FILE, LINE, MASK, MIDDLE, PAD, REST, Vocabulary

SOURCE = '''"""A module."""
import os


def walk(root, *, hidden=False):
    """Yield the files below a folder."""
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            if hidden or not name.startswith("."):
                yield os.path.join(folder, name)


class Größe:
    def __init__(self, breite, höhe):
        self.breite = breite
        self.höhe = höhe

    def fläche(self):
        return self.breite * self.höhe
'''


@pytest.fixture(params=[0, 3], ids=["short", "long"])
def builder(request: pytest.FixtureRequest, vocabulary: Vocabulary, shape: Shape) -> RowBuilder:
    return row_builders(vocabulary, shape)[request.param]


def batches(builder: RowBuilder, count: int = 40) -> list[Batch]:
    return [builder.batch([(SOURCE, "python")], random.Random(n)) for n in range(count)]


def test_a_batch_depends_on_its_generator_alone(builder: RowBuilder) -> None:
    first, second = (builder.batch([(SOURCE, "python")] * 3, random.Random(4)) for _ in range(2))
    for name in ("context", "ids", "target", "target_weight"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_canvases_become_the_text_after_what_they_see(builder: RowBuilder, vocabulary: Vocabulary) -> None:
    for batch in batches(builder):
        context = batch.context[0].tolist()
        above = context.index(ABOVE) + 1
        for k in range(batch.ids.shape[1]):
            seen = vocabulary.decode([i for i in context[above : batch.visible[0, k]] if i >= 16])
            written = vocabulary.decode([i for i in batch.target[0, k][batch.valid[0, k]].tolist() if i != DEL])
            cut = batch.valid[0, k].all()  # A gap longer than the canvas is cut before the rest of its line.
            assert seen + written in SOURCE or cut


def test_only_free_positions_are_masked_or_asked_for(builder: RowBuilder) -> None:
    for batch in batches(builder):
        assert not (batch.ids[batch.pinned] == MASK).any()
        assert (batch.ids == batch.target)[batch.pinned].all()
        flat = batch.pinned.reshape(1, -1)[0]
        asked = batch.target_at[0][batch.target_weight[0] > 0]
        assert not flat[asked].any()
        assert batch.valid.reshape(1, -1)[0][asked].all()
        assert len(set(asked.tolist())) == len(asked)


def test_every_masked_token_of_the_text_is_asked_for_or_there_are_too_many(builder: RowBuilder) -> None:
    for batch in batches(builder):
        masked = np.flatnonzero((batch.ids == MASK).reshape(-1) & (batch.target != DEL).reshape(-1))
        asked = set(batch.target_at[0][batch.target_weight[0] > 0].tolist())
        full = (batch.target_weight > 0).sum() == builder.shape.canvas_targets
        assert full or set(masked.tolist()) <= asked


def test_pairs_of_views_mask_everything_between_them(vocabulary: Vocabulary, shape: Shape) -> None:
    short = row_builders(vocabulary, shape, RowNoise(full_pair=0.0, wrong_views=0.0))[0]
    for batch in batches(short):
        for k in range(0, batch.ids.shape[1], 2):
            free = batch.valid[0, k] & ~batch.pinned[0, k]
            either = (batch.ids[0, k] == MASK) | (batch.ids[0, k + 1] == MASK)
            assert either[free].all()


def test_wrong_tokens_are_to_be_put_right(vocabulary: Vocabulary, shape: Shape) -> None:
    noisy = row_builders(vocabulary, shape, RowNoise(wrong_views=1.0, wrong_tokens=0.5))[0]
    wrong = [b for b in batches(noisy) if ((b.ids != b.target) & (b.ids != MASK)).any()]
    assert len(wrong) > 30
    for batch in wrong:
        at = np.flatnonzero(((batch.ids != batch.target) & (batch.ids != MASK)).reshape(-1))
        weights = dict(zip(batch.target_at[0].tolist(), batch.target_weight[0].tolist(), strict=True))
        assert any(weights.get(int(i), 0) >= 1 for i in at) or (batch.target_weight > 0).all()


def test_a_gap_that_says_so_ends_no_line(builder: RowBuilder, vocabulary: Vocabulary) -> None:
    told = several = 0
    for batch in batches(builder):
        for ids, pinned in zip(batch.target[0], batch.pinned[0], strict=True):
            text = vocabulary.decode(ids[~pinned].tolist())
            if (ids[pinned] == LINE).any():
                assert "\n" not in text
                told += 1
            several += "\n" in text
        context = batch.context[0].tolist()
        if LINE in context:
            assert context[context.index(LINE) + 1] == MIDDLE
            assert "\n" not in vocabulary.decode(context[context.index(LINE) :])
    assert told > 80
    assert several > 10


def test_surplus_positions_weigh_what_they_are(vocabulary: Vocabulary, shape: Shape) -> None:
    builder = row_builders(vocabulary, shape)[0]
    weighed = counted = 0.0
    for batch in batches(builder):
        surplus = batch.target[0].reshape(-1)[batch.target_at[0]] == DEL
        masked = batch.target_weight[0] >= 1
        weighed += float(batch.target_weight[0][surplus & masked].sum())
        counted += float(((batch.target == DEL) & (batch.ids == MASK)).sum())
    assert 0.8 < weighed / counted < 1.6  # A masked position weighs 1 to 2; some do not fit.


def test_how_much_is_seen_does_not_tell_how_long_the_gap_is(vocabulary: Vocabulary, shape: Shape) -> None:
    builder = row_builders(vocabulary, shape)[0]
    texts = [(SOURCE * 4, "python"), (SOURCE, "python")]
    seen, length = [], []
    for n in range(300):
        batch = builder.batch(texts, random.Random(n))
        if batch.context[0][0] == BELOW:
            seen.append(int(batch.visible[0, 0]))
            length.append(int(((batch.target[0, 0] != DEL) & ~batch.pinned[0, 0] & batch.valid[0, 0]).sum()))
    assert abs(float(np.corrcoef(seen, length)[0, 1])) < 0.15


def test_the_row_ends_with_the_gap_left_to_right(builder: RowBuilder, vocabulary: Vocabulary) -> None:
    for batch in batches(builder):
        context = [i for i in batch.context[0].tolist() if i != PAD]
        assert context[0] in (BELOW, FILE)
        if context[-1] != END:  # It did not all fit.
            continue
        rest, middle = context.index(REST), context.index(MIDDLE)
        gap, tail = vocabulary.decode(context[middle + 1 : -1]), vocabulary.decode(context[rest + 1 : middle])
        assert gap + tail in SOURCE or len(gap) > 30
        asked = batch.next_token_at[0][batch.next_token_weight[0] > 0].tolist()
        assert set(range(middle, len(context) - 1)) <= set(asked)
        for at, token in zip(asked, batch.next_token[0].tolist(), strict=False):
            assert context[at + 1] == token


def test_spans_end_on_the_split_line_and_count_characters() -> None:
    rng = random.Random(1)
    for _ in range(300):
        source = excerpt(SOURCE, "python", rng)
        assert source is not None
        for span in sample_spans(source, 4, rng, long_gaps=0.5):
            assert source.line_start <= span.end <= source.line_end
            assert 0 <= span.start < span.end


def test_a_text_without_lines_gives_an_empty_row(builder: RowBuilder) -> None:
    batch = builder.batch([("\n\n\n", "python")], random.Random(0))
    assert (batch.target_weight == 0).all()
    assert batch.valid[0, :, 0].all()
