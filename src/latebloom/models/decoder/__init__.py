"""The decoder-only transformer of the sequence studies: settings in one file, layers and attention in theirs."""

from latebloom.models.decoder.decoder import Decoder
from latebloom.models.decoder.teacher import with_teacher

__all__ = ["Decoder", "with_teacher"]
