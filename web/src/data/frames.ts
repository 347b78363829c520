// Steps at which something was kept, and which of them is shown for a step: the last one not after it.
export function frameAt(steps: ArrayLike<number>, step: number): number {
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle]! <= step + 1e-6) low = middle;
    else high = middle - 1;
  }
  return low;
}
