"""Settings as editors send them, and the table that documents them."""

import subprocess
import sys
from pathlib import Path

import pytest
from raw_client import ENVIRONMENT, ROOT

from infill_lsp.settings import settings
from infill_lsp.settings.settings import RequestBudget, ServerSettings, read

DEFAULT = ServerSettings()


def test_the_documented_table_is_that_of_the_code() -> None:
    page = Path(__file__).parents[3] / "docs/settings.md"
    assert page.read_text(encoding="utf-8") == settings.as_markdown(), "run python -m infill_lsp.settings.settings"


@pytest.mark.parametrize(
    "raw",
    [
        {"budget": {"automatic": 99}, "exclude": ["*.sql"]},
        {"budget.automatic": 99, "exclude": ["*.sql"]},
        {"infill.budget.automatic": 99, "infill.exclude": ["*.sql"]},
        {"infill": {"budget": {"automatic": 99}, "exclude": ["*.sql"]}},
    ],
)
def test_names_nested_or_with_dots(raw: object) -> None:
    expected = ServerSettings(budget=RequestBudget(automatic=99), exclude=("*.sql",))
    assert read(raw, DEFAULT, DEFAULT) == (expected, ())


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"enabled": True}, "There is no setting infill.enabled; it was ignored."),
        ({"budget": {"auto": 1}}, "There is no setting infill.budget.auto; it was ignored."),
        ({"enable": "yes"}, 'infill.enable must be true or false, not "yes"; it was not changed.'),
        ({"confidence": True}, "infill.confidence must be a number from 0 to 1, not true; it was not changed."),
        ({"confidence": 1.5}, "infill.confidence must be a number from 0 to 1, not 1.5; it was not changed."),
        ({"candidates": 2.5}, "infill.candidates must be a whole number from 1 to 16, not 2.5; it was not changed."),
        ({"exclude": [1]}, "infill.exclude must be a list of strings, not [1]; it was not changed."),
        ({"budget": 5}, "There is no setting infill.budget; it was ignored."),
        (
            {"device": "gpu"},
            'infill.device must be one of "auto", "cpu", "cuda", "mps", "spread", not "gpu"; it was not changed.',
        ),
        ([1], "The settings must be an object, not [1]; nothing was changed."),
    ],
)
def test_what_is_wrong_changes_nothing_and_is_said(raw: object, sentence: str) -> None:
    assert read(raw, DEFAULT, DEFAULT) == (DEFAULT, (sentence,))


KEY = "sk-Zx9Qw7Er5Ty3Ui1Op0As2Df4Gh6"


@pytest.mark.parametrize(
    "raw",
    [
        {"keyEnvironment": KEY},
        {"keyEnvironment": "hunter2hunter2"},
        {"keyCommand": ["echo", KEY]},
        {"keyCommand": ["echo", "q8Rt5Zx0Lm2Kp7Vb4Nc9"]},
        {"keyCommand": f"echo {KEY}"},
        {"model": KEY},
        {"url": f"https://example.com/?key={KEY}"},
        {"key": KEY},
        {"apiKey": "hunter2hunter2"},
    ],
)
def test_a_key_is_not_taken_and_not_repeated(raw: object) -> None:
    settings, complaints = read({"endpoint": raw}, DEFAULT, DEFAULT)
    assert settings == DEFAULT
    assert len(complaints) == 1
    assert not any(it in complaints[0] for it in (KEY[:8], "hunter2", "q8Rt5Zx0"))


def test_where_a_key_is_may_be_said() -> None:
    entry = "99ee88d2-6046-4ea7-92c2-acac464b1412"
    raw = {"keyEnvironment": "INCEPTION_API_KEY", "keyCommand": ["bw", "get", "password", entry], "api": "mercury"}
    settings, complaints = read({"model": "endpoint", "endpoint": raw}, DEFAULT, DEFAULT)
    assert complaints == ()
    assert settings.engine.endpoint is not None
    assert settings.engine.endpoint.key_environment == "INCEPTION_API_KEY"
    assert settings.engine.endpoint.key_command == ("bw", "get", "password", entry)
    assert settings.budget_ms(invoked=False) == DEFAULT.budget.endpoint
    assert settings.budget_ms(invoked=True) == DEFAULT.budget.invoked


def test_what_is_missing_is_as_at_the_start_and_what_is_wrong_is_as_before() -> None:
    base, current = ServerSettings(candidates=2), ServerSettings(candidates=3, confidence=0.9)
    assert read({}, base, current)[0] == base
    assert read({"confidence": "high"}, base, current)[0] == ServerSettings(candidates=2, confidence=0.9)
    assert read(None, base, current) == (base, ())


def test_the_settings_of_the_extension_for_vs_code_are_up_to_date() -> None:
    script = ROOT / "editors/vscode/scripts/settings.py"
    command = [sys.executable, str(script), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
