import ivm from 'isolated-vm';
import type { BlankIsolates } from './blank-isolates.ts';
import { fileModule, type BundleFile } from './bundle-files.ts';
import { encodeEntry, readSaid, type Op, type Said } from './entry.ts';
import { readHandlers } from './from-inside.ts';
import { startName } from './inside/start-name.ts';
import type { Enter } from './inside/types.ts';
import { limits, type BindingKind, type Failure, type FailureCode } from './protocol.ts';
import { StepQueue } from './step-queue.ts';

export type RoomOptions = {
  readonly name: string;
  readonly code: string;
  /** What the code imports. */
  readonly files: readonly BundleFile[];
  readonly blanks: BlankIsolates;
  readonly memoryBytes: number;
  readonly bindings: Readonly<Record<string, BindingKind>>;
  /** Values of secret bindings, by binding name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly resultBytes: number;
  /** What the isolate sends, in its order. */
  readonly receive: (said: Said) => void;
  /** The isolate was disposed of for using too much CPU in a step of these invocations. */
  readonly onStop: (suspects: readonly number[]) => void;
  /** V8 has lost control of the isolate; the process must end at once. */
  readonly onCatastrophe: (message: string) => void;
};

/** An isolate in which the tenant's module has run. */
export type Room = {
  readonly isolate: ivm.Isolate;
  readonly steps: StepQueue;
  /** Resolves when the ops and all they could do without the host are done. Rejects as isolated-vm does. */
  readonly enter: (ops: readonly Op[]) => Promise<void>;
  /** The same on this thread, which stands still meanwhile, for `timeoutMs` at most. Throws as isolated-vm does. */
  readonly enterInline: (ops: readonly Op[], timeoutMs: number) => void;
  readonly handlers: string[];
};

export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Strict, so that no stack trace hands the tenant a function of ours. `$0` and `$1` post, `$2` ask, `$3` setup. */
const takeStart = `'use strict';
const start = globalThis.${startName};
delete globalThis.${startName};
return start($0, $1, $2, $3);`;

/** Rejects with LoadError; the isolate is then gone. `opened` gives the isolate as soon as there is one. */
export async function openRoom(
  options: RoomOptions,
  opened: (isolate: ivm.Isolate, steps: StepQueue) => void,
): Promise<Room> {
  const { name, memoryBytes, bindings, secrets, resultBytes, onStop, onCatastrophe, code, files, blanks } =
    options;
  // isolated-vm takes whole MiB and not less than 8.
  const memoryMb = Math.max(8, Math.ceil(memoryBytes / 2 ** 20));
  const blank = blanks.take(memoryMb);
  blank.onCatastrophe = onCatastrophe;
  const { isolate } = blank;
  const steps = new StepQueue(isolate, onStop);
  opened(isolate, steps);
  try {
    const context = await blank.context;
    const own = { ...limits, resultBytes: Math.min(resultBytes, limits.resultBytes) };
    const setup = JSON.stringify({ name, memoryMb, bindings, secrets, limits: own });
    // What comes back are references that only the host holds; the tenant's side has functions of its own realm only.
    const doors = (await context.evalClosure(
      takeStart,
      [
        sender(options, { ignored: true }),
        sender(options, { sync: true }),
        new ivm.Callback(steps.charging(blanks.answer)),
        setup,
      ],
      {
        filename: 'holdfast:inside',
        result: { reference: true },
      },
    )) as ivm.Reference<{ load: (exports: unknown) => string; enter: Enter }>;
    const load = doors.getSync('load', { reference: true });
    const enter = doors.getSync('enter', { reference: true });
    const names: unknown = await steps.run(() => ({
      owners: [],
      cpuMs: limits.loadCpuMs,
      work: async () => {
        const module = await isolate.compileModule(code, { filename: 'function.js' });
        await module.instantiate(context, (specifier) => {
          const file = files.find(({ name }) => name === specifier);
          if (file) return fileModule(isolate, context, file);
          throw new Error(`import "${specifier}" was not resolved when the bundle was built`);
        });
        await module.evaluate();
        return load.apply(undefined, [module.namespace.derefInto()]);
      },
    }));
    return {
      isolate,
      steps,
      enter: async (ops) => {
        const [heads, texts, bytes, inline] = entryArguments(ops, false);
        await enter.apply(undefined, [heads, texts, bytes, inline]);
      },
      enterInline: (ops, timeoutMs) => {
        enter.applySync(undefined, entryArguments(ops, true), { timeout: timeoutMs });
      },
      handlers: readHandlers(names),
    };
  } catch (error) {
    throw new LoadError(loadFailure(isolate, steps, error, memoryBytes));
  }
}

export function explain(code: FailureCode, limit: number): string {
  return code === 'cpu'
    ? `It used more than ${limit} ms of CPU`
    : `It needed more than ${limit} bytes of memory`;
}

function loadFailure(isolate: ivm.Isolate, steps: StepQueue, error: unknown, memoryBytes: number): Failure {
  if (steps.stopped) return { code: 'cpu', message: `Its top level: ${explain('cpu', limits.loadCpuMs)}` };
  if (isolate.isDisposed)
    return { code: 'memory', message: `Its top level: ${explain('memory', memoryBytes)}` };
  isolate.dispose();
  const { message, stack } = error as { message?: unknown; stack?: unknown };
  return {
    code: 'badBundle',
    message: typeof message === 'string' ? message.slice(0, limits.errorChars) : 'its top level throws',
    ...(typeof stack === 'string' && { stack: stack.slice(0, limits.errorChars) }),
  };
}

/** How the isolate speaks: arguments are copies, and believed as little as `readSaid` says. */
function sender({ receive }: RoomOptions, way: { ignored: true } | { sync: true }): ivm.Callback {
  const take = (heads: unknown, texts: unknown, bytes: unknown) => readSaid(heads, texts, bytes, receive);
  return new ivm.Callback(take, way);
}

type EntryArguments = [string, string, ivm.Copy<Uint8Array> | undefined, boolean];

function entryArguments(ops: readonly Op[], inline: boolean): EntryArguments {
  const { heads, texts, bytes } = encodeEntry(ops);
  return [heads, texts, bytes && transfer(bytes), inline];
}

/** A copy of its own memory, moved into the isolate. */
function transfer(bytes: Uint8Array): ivm.Copy<Uint8Array> {
  const copy = new ivm.ExternalCopy(new Uint8Array(bytes), { transferOut: true });
  return copy.copyInto({ release: true, transferIn: true });
}
