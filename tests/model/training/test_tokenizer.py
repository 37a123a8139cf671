import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from infill_model.cli.main import main
from infill_model.data.corpus import build_corpus
from infill_model.data.sources import PackageSource, SourceList
from infill_model.data.tokenizer import SMALLEST, sample, train_tokenizer
from infill_model.errors import CorpusError
from infill_model.vocabulary import RESERVED, SPECIAL_TOKENS, Vocabulary

CODE_LIKE = st.text(
    st.sampled_from([*"ab_1é()[]:.,'\"#=+- \t\r\n\x0c\x0b\u2028\xa0", "\u0301", "👍", "🏽", "你", "\0", "\ufeff"])
)
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@given(st.one_of(ANY_TEXT, CODE_LIKE))
@example("def f():\r\n\treturn '👩‍👩‍👧'\r\n\r\n")
@example("\n\n        \n    x  =\t1   ")
@example("e\u0301 <mask><pad><reserved-10><del>")
def test_every_text_comes_back_and_no_text_is_special(vocabulary: Vocabulary, text: str) -> None:
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert all(RESERVED <= i < vocabulary.size for i in ids)


def test_ids_are_specials_then_bytes_then_merges(tokenizer: Path, vocabulary: Vocabulary) -> None:
    loaded = Tokenizer.from_file(str(tokenizer))
    names = [loaded.id_to_token(i) for i in range(RESERVED)]
    assert names == [*SPECIAL_TOKENS, *(f"<reserved-{i}>" for i in range(len(SPECIAL_TOKENS), RESERVED))]
    assert all(len(loaded.id_to_token(i)) == 1 for i in range(RESERVED, SMALLEST))
    assert all(len(loaded.id_to_token(i)) > 1 for i in range(SMALLEST, vocabulary.size))
    assert vocabulary.size == 512
    assert json.loads(tokenizer.read_text())["added_tokens"] == []


def test_no_token_reaches_across_a_line(tokenizer: Path, vocabulary: Vocabulary) -> None:
    tokens = [vocabulary.decode([i]) for i in range(SMALLEST, vocabulary.size)]
    across = [token for token in tokens if "\n" in token and token.strip(" \t\r") != "\n"]
    assert not across
    assert "\n    " in tokens


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("def f(x):\n    return x", ["def", " f", "(", "x", "):", "\n    ", "return", " x"]),
        ("\n\n\tpass\r\n  \n", ["\n", "\n\t", "pass", "\r\n  ", "\n"]),
        ("        return x", ["        ", "return", " x"]),
        ("a = b[i]()  # no", ["a", " =", " b", "[", "i", "]()", " ", " #", " no"]),
        ("x    ", ["x", "    "]),
        ("12345 é_1 naïve", ["123", "45", " é_1", " naïve"]),
        ("'''\n'''", ["'''", "\n", "'''"]),
    ],
)
def test_text_is_cut_where_code_is(tokenizer: Path, text: str, pieces: list[str]) -> None:
    cut = Tokenizer.from_file(str(tokenizer)).pre_tokenizer.pre_tokenize_str(text)
    assert [text[start:end] for _, (start, end) in cut] == pieces


def test_indentation_takes_few_tokens_after_a_line_and_at_the_start(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.encode("\n        ")) == 1
    assert len(vocabulary.encode(" " * 8)) <= 2
    assert len(vocabulary.encode("):")) == 1


def test_the_same_corpus_gives_the_same_tokenizer(corpus: Path, tokenizer: Path, tmp_path: Path) -> None:
    train_tokenizer(corpus, tmp_path / "again.json", 512)
    assert (tmp_path / "again.json").read_bytes() == tokenizer.read_bytes()


def test_sample_is_as_large_as_asked_and_by_weight(tmp_path: Path) -> None:
    def code(name: str) -> str:
        return "".join(f"{name}_{n} = something.of(no, interest)\n" for n in range(20))

    with zipfile.ZipFile(tmp_path / "pkg.whl", "w") as wheel:
        wheel.writestr("pkg-1.dist-info/METADATA", "Name: pkg\n")
        for n in range(1000, 1800):
            wheel.writestr(f"pkg/{n}.py", code(f"a{n}"))
            wheel.writestr(f"tests/{n}.py", code(f"b{n}"))
    source = PackageSource("pkg", "1", "MIT", archive=str(tmp_path / "pkg.whl"))
    build_corpus(SourceList((source,)), tmp_path, tmp_path, lambda *_: None)
    wanted = 400 * len(code("a1000"))
    taken = list(sample(tmp_path, wanted))
    tests = [file for file in taken if file.weight < 1]
    assert sum(len(file.text) for file in taken) == pytest.approx(wanted, rel=0.15)
    assert len(taken) / len(tests) == pytest.approx(5, rel=0.3)
    assert len(list(sample(tmp_path, 10**9))) == 1600


def test_what_cannot_be_trained_is_told_in_a_sentence(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"272 tokens is too small: special tokens and bytes take {SMALLEST}"):
        train_tokenizer(corpus, tmp_path / "t.json", SMALLEST)
    with pytest.raises(CorpusError, match="too little text for 90000 tokens"):
        train_tokenizer(corpus, tmp_path / "t.json", 90_000)
    with pytest.raises(CorpusError, match="no corpus here"):
        train_tokenizer(tmp_path, tmp_path / "t.json", 512)
    with pytest.raises(CorpusError, match="cannot write the tokenizer"):
        train_tokenizer(corpus, tmp_path / "absent" / "t.json", 512)


def test_command_trains_a_tokenizer_that_loads(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tokenizer.json"
    assert main(["tokenizer", "--corpus", str(corpus), "--out", str(out), "--size", "300"]) == 0
    assert Vocabulary.load(out).size == 300
    assert capsys.readouterr().out == f"{out}: 300 tokens\n"
    assert main(["tokenizer", "--corpus", str(tmp_path), "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith(f"infill-model: {tmp_path}: no corpus here")


@pytest.mark.parametrize("name", ["corpus", "tokenizer", "train", "export"])
def test_every_command_explains_its_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert "--" in capsys.readouterr().out.replace("--help", "")
