import pytest
from tokenizers import Tokenizer, models

from infill_model.vocabulary import Vocabulary


@pytest.fixture
def no_text() -> Vocabulary:
    """For runs whose tokens stand for nothing."""
    return Vocabulary(Tokenizer(models.BPE()))
