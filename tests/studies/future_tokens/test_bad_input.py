"""Words that do not fit the study end in a sentence that helps; exit code 2, or 1 where only the data could tell."""

import pytest

from latebloom.cli import main

SMOKE = ("--scale", "smoke")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sine", "task.window=9"), "task.window = 9 is longer than the past of any place"),
        (("sine", "task.p=0"), "task.p = 0 never asks for the sum"),
        (("sine", "model.past=cut"), "model.past = 'cut'"),
        (("text", "task.tokenizer=byte_pair", "task.vocabulary=100"), "byte pairs begin with the 256 bytes"),
        (("text", "model.attention=mesa", "model.past=hidden"), "a cut through the past is not defined here"),
        (("text", "model.past_weight=0.5", "model.past=whole"), "softens a cut; model.past = 'whole' cuts no gradient"),
        (("text", "model.past_weight=1.5", "model.past=keys"), "past_weight = 1.5"),
        (("text", "task.places=3000"), "so no window and its next token fit"),
        (("multiplication", "task.width=1"), "task.width = 1 has no room for factors of task.digits = 2 digits"),
        (("grown", "model.d_model=16", "model.past=hidden", "task.p=1", "seed=0"), "future_tokens.grown begins from"),
        (("text_on", "task.tokenizer=byte_pair", "task.vocabulary=300"), "start: the parameter embed.W_E"),
    ],
)
def test_what_does_not_fit_is_told(words, told, capsys, runs_home):
    name, *settings = words
    code = main(["run", f"future_tokens.{name}", *SMOKE, *settings])
    found = capsys.readouterr()
    printed = " ".join((found.out + found.err).split())
    assert "Traceback" not in printed
    assert told in printed, printed
    assert code == (1 if "task.places=3000" in words else 2)
    assert not list(runs_home.glob("future_tokens.curriculum_*"))  # told before what it begins from is trained
