import { constants } from 'node:os';
import type { ExitReason } from '../ports.ts';

/**
 * What a shell says of how a program ended: 128 and the signal's number, when one killed it. A program that exits with such a number by
 * itself cannot be told from that; runtimes and shells do the same on purpose.
 */
export function exitReasonOf(text: string, ranOutOfMemory: boolean): ExitReason {
  if (!/^\d{1,3}\n$/.test(text)) return { kind: 'lost' };
  const status = Number(text);
  const signal = signalOf(status - 128);
  if (signal === undefined) return { kind: 'exited', code: status };
  return { kind: 'killed', signal, outOfMemory: signal === 'SIGKILL' && ranOutOfMemory };
}

function signalOf(number: number): NodeJS.Signals | undefined {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] as NodeJS.Signals | undefined;
}
