import type { ExitReason } from '../ports.ts';

/** `250 ms`, `3 s`, `4 min`, `2 h`: for people. */
export function spokenDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.max(0, Math.round(durationMs))} ms`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** Goes on from the app's name. */
export function spokenExit(reason: ExitReason, ranMs: number): string {
  const after = `after ${spokenDuration(ranMs)}`;
  switch (reason.kind) {
    case 'exited':
      return `exited with code ${reason.code} ${after}`;
    case 'killed':
      return reason.outOfMemory
        ? `was killed ${after}: it used more memory than its limit`
        : `was killed by ${reason.signal} ${after}`;
    case 'lost':
      return 'ended while no agent was there to see how';
    default:
      return reason satisfies never;
  }
}
