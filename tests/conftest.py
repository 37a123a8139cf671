"""Fixtures shared by the tests of both packages: a small real corpus, its tokenizer and a tiny model folder."""

import os
import tempfile
from pathlib import Path

import pytest
import torch

from infill_model.data.corpus import build_corpus
from infill_model.data.sources import SourceList
from infill_model.data.tokenizer import train_tokenizer
from infill_model.embedded import folder
from infill_model.embedded.folder import ModelConfig
from infill_model.embedded.network import Network, Shape
from infill_model.infill.infiller import Infiller
from infill_model.training.loop import shape_of
from infill_model.vocabulary import Vocabulary

os.environ.setdefault("NO_COLOR", "1")
# A developer may have a configuration of their own; no test may read or write it.
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_CACHE_HOME"] = str(Path(tempfile.gettempdir(), "infill-tests", "none"))
# No test may offer, fetch or load a published model either; tests of published models use their own table.
os.environ["INFILL_PUBLISHED"] = os.devnull
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a corpus of a few modules of the standard library."""
    out = tmp_path_factory.mktemp("corpus")
    build_corpus(SourceList(standard_library="json/*.py"), out, out, lambda *_: None)
    return out


@pytest.fixture(scope="session")
def tokenizer(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a tokenizer.json of 512 tokens on `corpus`."""
    out = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(corpus, out, 512)
    return out


@pytest.fixture(scope="session")
def vocabulary(tokenizer: Path) -> Vocabulary:
    return Vocabulary.load(tokenizer)


@pytest.fixture(scope="session")
def shape(vocabulary: Vocabulary) -> Shape:
    """Return the shape of the tiny network."""
    return shape_of("tiny")


@pytest.fixture(scope="session")
def network(shape: Shape) -> Network:
    """Return a tiny network with random weights everywhere, so that nothing is multiplied by an initial zero."""
    net = Network(shape).initialise(seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():
                parameter.normal_(0.0, 0.05, generator=generator)
    return net.requires_grad_(False)


@pytest.fixture(scope="session")
def model_folder(network: Network, shape: Shape, tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny model folder as a user would publish it; its weights are random."""
    out = tmp_path_factory.mktemp("model")
    folder.write(out, ModelConfig("tiny-noise", shape, ("python",)), tokenizer.read_text(), network, "float32")
    return out


@pytest.fixture
def infiller(model_folder: Path) -> Infiller:
    return Infiller.load(model_folder, device="cpu")
