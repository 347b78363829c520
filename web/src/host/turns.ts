// Work that is asked for again and again: one at a time, and what comes meanwhile is done once more at the end.
export function inTurns(work: () => Promise<void>): () => Promise<void> {
  let due = false;
  let running: Promise<void> | null = null;
  const run = async () => {
    try {
      while (due) {
        due = false;
        await work();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    due = true;
    return (running ??= run());
  };
}
