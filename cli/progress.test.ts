import { describe, expect, test } from '@jest/globals';
import { formatBar, formatBytes, Progress } from './progress.ts';

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const stderr = { isTTY, columns: 80, write: (text: string) => written.push(text) > 0 };
  return { written, io: { stderr: stderr as unknown as NodeJS.WriteStream } };
}

describe('progress', () => {
  test('work under a second shows nothing and leaves nothing to clear', () => {
    const { io, written } = terminal(true);
    let nowMs = 0;
    {
      using progress = new Progress(io, { label: 'Pushing', enabled: true, now: () => nowMs });
      nowMs = 900;
      progress.bytes(1, 2);
    }
    expect(written).toEqual([]);
  });

  test('longer work shows a bar and clears its line at the end', () => {
    const { io, written } = terminal(true);
    let nowMs = 0;
    {
      using progress = new Progress(io, { label: 'Pushing', enabled: true, now: () => nowMs });
      nowMs = 1500;
      progress.bytes(1024, 4096);
      progress.bytes(1025, 4096);
    }
    expect(written).toHaveLength(2);
    expect(written[0]).toContain('25 %');
    expect(written[1]).toBe('\r\u001b[2K');
  });

  test('a pipe and --json get no bar however long it takes', () => {
    for (const [isTTY, enabled] of [
      [false, true],
      [true, false],
    ] as const) {
      const { io, written } = terminal(isTTY);
      let nowMs = 0;
      using progress = new Progress(io, { label: 'Pushing', enabled, now: () => nowMs });
      nowMs = 60_000;
      progress.text('waiting');
      expect(written).toEqual([]);
    }
  });

  test('what a device waits for stays on its line', () => {
    const { io, written } = terminal(true);
    let nowMs = 0;
    using progress = new Progress(io, { label: 'Deploying', enabled: true, now: () => nowMs });
    nowMs = 1500;
    progress.text('locked by\u001b[2J\nroot');
    expect(written).toEqual(['\r\u001b[2KDeploying: locked by [2J root']);
  });

  test('a bar does not move on its line as it fills', () => {
    const { io, written } = terminal(true);
    let nowMs = 0;
    using progress = new Progress(io, { label: 'Pushing', enabled: true, now: () => nowMs });
    for (const done of [5, 50, 100]) {
      nowMs += 1500;
      progress.count(done, 100);
    }
    expect(new Set(written.map((line) => line.indexOf('%')))).toEqual(new Set([written[0]?.indexOf('%')]));
  });

  test('a bar of nothing is full', () => {
    expect(formatBar({ label: 'x', done: 0, total: 0 })).toContain('100 %');
  });

  test('bytes read as people write them', () => {
    expect([0, 1023, 1536, 5 * 2 ** 30].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '5.0 GiB']);
  });
});
