"""Local myopia: places before the present one are a frozen teacher's; only how the present is computed is learned.

The student's parameters lie beside the teacher's, which are named `teacher.<name>` and are not trained.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.base import Parameters

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder

TEACHER = "teacher."


def with_teacher(student: Parameters, teacher: Parameters) -> Parameters:
    """Parameters of a decoder with `past='teacher_...'`: a student beside its frozen teacher.

    A student that begins as a copy of its teacher gives, at every step, a lower bound on what the teacher's present
    gives up for later (the local myopia bonus); one that begins at random also measures how well it was trained.
    """
    if student.keys() != teacher.keys():
        alone = ", ".join(sorted(student.keys() ^ teacher.keys()))
        raise LatebloomError(f"Student and teacher must have the same parameters; only one side has: {alone}.")
    return student | {f"{TEACHER}{name}": value.detach() for name, value in teacher.items()}


def taught(student: "Decoder", params: Parameters, inputs: Tensor) -> dict[str, Tensor]:
    """What the teacher's attention layers read and make, by hook name; nothing where there is no teacher."""
    if not student.taught:
        return {}
    teacher = student.model_copy(update={"past": "whole"})
    endings = (reads(student), "attn.hook_k", "attn.hook_v")
    lesson: dict[str, Tensor] = {}

    def keep(name: str, value: Tensor) -> Tensor:
        if name.endswith(endings):
            lesson[name] = value
        return value

    own = {name.removeprefix(TEACHER): value for name, value in params.items() if name.startswith(TEACHER)}
    with torch.no_grad():
        teacher.forward(own, inputs, keep)
    return lesson


def reads(model: "Decoder") -> str:
    """The hook at which an attention layer's input can be seen."""
    return "ln1.hook_normalized" if model.norm == "pre" else "hook_resid_pre"
