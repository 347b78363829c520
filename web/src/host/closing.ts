// What is called when something closes. What is begun after that is closed at once: work goes on for a while where it
// waited for an answer.
export class Closing {
  private closers: (() => void)[] | null = [];

  get closed(): boolean {
    return this.closers === null;
  }

  push(...closers: (() => void)[]): void {
    if (this.closers) this.closers.push(...closers);
    else closers.forEach((close) => close());
  }

  close(): void {
    const now = this.closers ?? [];
    this.closers = null;
    now.forEach((close) => close());
  }
}
