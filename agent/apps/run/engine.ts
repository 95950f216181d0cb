import type { FileHandle } from 'node:fs/promises';
import type { ControlGroup } from './control-groups.ts';
import type { InstanceRecord } from './instance-record.ts';

/** Where a run's files are, and what it is. */
export type Run = {
  readonly folder: string;
  readonly record: InstanceRecord;
  readonly group: ControlGroup;
};

/** What a shell runs: `exec COMMAND REDIRECTIONS` in the instance's folder, in these control groups. */
export type Command = {
  readonly args: readonly string[];
  /** Of ours only, never of a manifest or an image. */
  readonly redirections: string;
  readonly groups: readonly string[];
  /** Open as descriptor 3. The caller closes it. */
  readonly descriptor?: FileHandle | undefined;
};

/** One way to run a program in its tree. */
export type Engine = {
  /** Writes what it needs into the folder. The program's process writes `started` there when it is under way. */
  prepare(run: Run, program: string): Promise<Command>;
  /** A program beside it. `started` tells its process in `token` instead. */
  prepareBeside(run: Run, args: readonly string[], token: string): Promise<Command>;
  /** Whether the program is under way, by the content of `started`. */
  hasStarted(started: string): boolean;
  /** The app's main process by the content of `started`. */
  mainProcess(started: string): number | null;
  /** What SIGKILL is for: everything of the app ends with it. */
  lastProcess(started: string): number | null;
  /** Ends what is left of a run whose parent was killed, and what `group` does not reach. */
  sweep(run: Run): Promise<void>;
};
