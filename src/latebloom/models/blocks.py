"""Members in blocks: what a block's rows need stays in the processor's cache from one operation to the next."""

from itertools import pairwise

from latebloom.data import Batch


def blocks(batch: Batch, size: int) -> list[tuple[slice, Batch]]:
    """Nearly equal blocks of at most `size` members, each with its rows; kept in the batch's memo.

    A batch that is one block is that block itself.
    """
    members = batch.inputs.shape[0]
    if members <= size:
        return [(slice(0, members), batch)]
    key = f"blocks {size}"
    if key not in batch.memo:
        count = -(-members // size)
        edges = [members * i // count for i in range(count + 1)]
        batch.memo[key] = [(slice(*pair), _rows(batch, slice(*pair))) for pair in pairwise(edges)]
    found: list[tuple[slice, Batch]] = batch.memo[key]
    return found


def _rows(batch: Batch, which: slice) -> Batch:
    return Batch(batch.inputs[which], batch.targets[which], batch.weight[which], once=batch.once)
