"""Tasks of language: move the right word, agree with the right word, close the right bracket."""

from latebloom.tasks.language.agreement import SimpleAgreement
from latebloom.tasks.language.dyck import Dyck
from latebloom.tasks.language.question import QuestionFormation
from latebloom.tasks.language.tense import TenseInflection

__all__ = ["Dyck", "QuestionFormation", "SimpleAgreement", "TenseInflection"]
