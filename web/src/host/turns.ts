// Work that is asked for again and again: one at a time, and what comes meanwhile is done once more at the end, also where
// the one before has failed: then the last one tells.
export function inTurns(work: () => Promise<void>): () => Promise<void> {
  let due = false;
  let running: Promise<void> | null = null;
  const run = async () => {
    try {
      while (due) {
        due = false;
        try {
          await work();
        } catch (error) {
          if (!due) throw error;
        }
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
