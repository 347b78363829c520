"""Does it plan ahead for future tokens? Myopic training, and what is lost when later losses cannot teach."""

from latebloom.studies.future_tokens import claims, experiments, measures

__all__ = ["claims", "experiments", "measures"]
