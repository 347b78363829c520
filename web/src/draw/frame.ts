// Work for the next frame, each piece at most once: however fast one scrubs, a picture is drawn once a frame.

const due = new Set<() => void>();
let asked = false;

export function nextFrame(work: () => void): void {
  due.add(work);
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const now = [...due];
    due.clear();
    now.forEach((one) => one());
  });
}
