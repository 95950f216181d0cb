import type { DoneOutcome } from './from-inside.ts';
import type { CallHeader, EventHeader, LogLevel } from './protocol.ts';
import type { RunTimers } from './run-timers.ts';

export type TenantEvents = {
  readonly ended: (invocation: number, outcome: Outcome & Cost) => void;
  readonly called: (call: CallHeader, bytes: Uint8Array | undefined) => void;
  readonly logged: (invocation: number, level: LogLevel, message: string) => void;
  /** V8 has lost the isolate; `answered`: it was stopped before, and what runs now did not do it. */
  readonly catastrophe: (message: string, answered: boolean) => void;
  /** An invocation was answered for and its thread is not given back. */
  readonly overdue: () => void;
};

export type Outcome = DoneOutcome;
export type Cost = { readonly cpuMs: number; readonly coldStart: boolean };

export type Start = {
  readonly invocation: number;
  readonly kind: EventHeader['kind'];
  /** An object with the event's header, the label and the timeout; it goes in as it is. */
  readonly json: string;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
};

/** An invocation of a tenant. */
export type Running = {
  readonly coldStart: boolean;
  readonly timeoutMs: number;
  /** Made with the first timer. */
  timers: RunTimers | undefined;
  cpuMs: number;
  /** Known, and told once the step that brought it has ended and its CPU time is counted. */
  outcome: Outcome | undefined;
};
