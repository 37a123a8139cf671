import pytest

from infill_model.denoising.policies import (
    REMASK,
    STOP,
    UNMASK,
    PolicyError,
    remask_policy,
    stop_policy,
    unmask_policy,
)
from infill_model.denoising.remask import Cap, EditPolicy, Keep, Loop, Revoke
from infill_model.denoising.stop import Complete, Stable
from infill_model.denoising.unmask import EntropyBound, Factor, RandomOrder, Schedule, Structure, Threshold, TopK
from infill_model.errors import InfillModelError
from infill_model.request import Options


def test_names_with_and_without_parameters() -> None:
    assert unmask_policy("threshold") == Threshold()
    assert unmask_policy("threshold:0.7") == Threshold(0.7)
    assert unmask_policy("factor:2") == Factor(2.0)
    assert unmask_policy("entropy_bound:0.3") == EntropyBound(0.3)
    assert unmask_policy("top_k") == TopK(Schedule.LINEAR)
    assert unmask_policy("top_k:cosine") == TopK(Schedule.COSINE)
    assert unmask_policy("random") == RandomOrder()
    assert unmask_policy("structure:0.6:0.8") == Structure(0.6, 0.8)
    assert remask_policy("none") == Keep()
    assert remask_policy("cap:0.1") == Cap(0.1)
    assert remask_policy("loop:2:4") == Loop(2, 4)
    assert remask_policy("revoke:0.6") == Revoke(0.6)
    assert remask_policy("edit:0.8:3") == EditPolicy(0.8, 3)
    assert stop_policy("complete") == Complete()
    assert stop_policy("stable:2:0.05") == Stable(2, 0.05)


def test_every_name_in_the_tables_reads_by_itself() -> None:
    for read, table in ((unmask_policy, UNMASK), (remask_policy, REMASK), (stop_policy, STOP)):
        for name, kind in table.items():
            assert type(read(name)) is kind


def test_the_default_options_name_policies() -> None:
    assert unmask_policy(Options().unmask) == Threshold(0.9, surplus=0.5)
    assert remask_policy(Options().remask) == Keep()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            "treshold:0.9",
            ["unknown unmask policy 'treshold'", "top_k, threshold, factor, entropy_bound, random, structure"],
        ),
        ("threshold:high", ["'threshold:high'", "high"]),
        ("threshold:1.5", ["probability", "1.5"]),
        ("threshold:0.9:0.5:3", ["too many parameters", "threshold:threshold:surplus"]),
        ("structure:0", ["probability", "0.0"]),
        ("top_k:square", ["linear or cosine", "square"]),
        ("", ["unknown unmask policy ''"]),
    ],
)
def test_what_cannot_be_read_is_explained(spec: str, words: list[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        unmask_policy(spec)
    assert all(word in str(caught.value) for word in words)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InfillModelError)


@pytest.mark.parametrize(
    "spec", ["cap:2", "rescale:-1", "conf:nan", "loop:0", "loop:1.5", "revoke:0", "edit:0.9:0", "keep"]
)
def test_remask_parameters_are_checked(spec: str) -> None:
    with pytest.raises(PolicyError):
        remask_policy(spec)


@pytest.mark.parametrize("spec", ["stable:-1", "stable:1:0", "deadline"])
def test_stop_parameters_are_checked(spec: str) -> None:
    with pytest.raises(PolicyError):
        stop_policy(spec)
