import pytest
from tokenizers import Tokenizer, models

from infill_model.vocabulary import Vocabulary


@pytest.fixture
def no_text() -> Vocabulary:
    """Return a vocabulary for runs whose tokens have no text."""
    return Vocabulary(Tokenizer(models.BPE()))
