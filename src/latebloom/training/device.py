"""What differs by device, in one place: names, floating types, threads."""

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch

from latebloom.data import Place
from latebloom.errors import LatebloomError, unknown_name

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def place(device: str, precision: str) -> Place:
    """The device and floating type of a run; refuses what this machine does not have."""
    kind = device.split(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise unknown_name("device", device, ("cpu", "cuda", "mps"))
    try:
        spot = torch.device(device)
    except RuntimeError:
        raise LatebloomError(f"device = {device!r} is no device of PyTorch: write cpu, cuda, cuda:1 or mps.") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise LatebloomError("device = 'cuda', but PyTorch sees no CUDA device here. Use device=cpu.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise LatebloomError("device = 'mps', but PyTorch sees no Metal device here. Use device=cpu.")
    if kind == "mps" and precision == "float64":
        raise LatebloomError(
            "training.precision = 'float64' is not available on device = 'mps'. Use float32 or device=cpu."
        )
    return Place(spot, DTYPES[precision])


def out_of_memory(error: Exception) -> bool:
    """Whether an error is want of memory; on a processor PyTorch tells it in words alone."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for each of torch's operations; afterwards as many as before.

    Small operations gain nothing by a second one, and where another program has its core they wait for it: judging took
    six times as long beside two trainings.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def training_arithmetic() -> Iterator[None]:
    """How a process computes while it trains: one thread, numbers below 1e-38 count as zero, freed memory is kept.

    A network that memorises puts 100 nats between its logits, whose exponentials are denormal numbers in float32; the
    processor would take ten times as long for each of them. Afterwards threads are as they were and denormals count
    again; memory stays kept.
    """
    with one_thread():
        torch.set_flush_denormal(True)
        _keep_freed_memory()
        try:
            yield
        finally:
            torch.set_flush_denormal(False)


def _keep_freed_memory() -> None:
    """Asks the C library to keep freed memory instead of giving it back: a step frees what the next one allocates.

    With glibc's defaults every large temporary is mapped and cleared anew at each step, which costs a tenth or more.
    Elsewhere this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # malloc.h
    mallopt(mmap_threshold, 1 << 30)
    mallopt(trim_threshold, (1 << 31) - 1)
    mallopt(top_pad, 1 << 26)
