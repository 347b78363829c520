"""The decoder-only transformer of the sequence studies: settings in one file, layers and attention in theirs."""

from latebloom.models.decoder.decoder import Decoder

__all__ = ["Decoder"]
