/** Changes of what the device remembers about its functions' triggers, beside their queues. */
export type TriggerOperation =
  /** A schedule was followed up to this run, planned for then; undefined forgets it. */
  | {
      readonly op: 'plan';
      readonly function: string;
      readonly schedule: string;
      readonly planned: number | undefined;
    }
  | { readonly op: 'pause'; readonly function: string; readonly since: number; readonly reason: string }
  /** Ends a pause, and lifts the budget of a day when one is given. */
  | { readonly op: 'resume'; readonly function: string; readonly liftedDay: string | undefined }
  | ({ readonly op: 'spend'; readonly function: string } & Spent)
  /** What a function knows of a file; undefined when it is gone. */
  | ({ readonly op: 'see'; readonly function: string; readonly stat: FileStat | undefined } & FilePlace)
  /** Of a volume that no function of that name wants any more. */
  | { readonly op: 'forgetFiles'; readonly function: string; readonly volume: string }
  /** A dead letter goes back to the end of its queue, with all attempts ahead of it. */
  | { readonly op: 'redeliver'; readonly function: string; readonly id: number }
  | { readonly op: 'discard'; readonly function: string; readonly id: number };

/** What a function used on one UTC day, `2026-01-31`. A sum over the invocations of a commit, or of the day. */
export type Spent = {
  readonly day: string;
  readonly invocations: number;
  readonly egressBytes: number;
  readonly cpuMs: number;
  /** Events that were dropped because the budget was used up. */
  readonly dropped: number;
};

/** What counts against the budget of a day; `lifted` when somebody let it run on until the day's end. */
export type Spending = Spent & { readonly lifted: boolean };

export type Pause = { readonly since: number; readonly reason: string };

/** `path` is relative to the volume, with `/`. */
export type FilePlace = { readonly volume: string; readonly path: string };

/** `modified` in milliseconds since 1970. */
export type FileStat = { readonly size: number; readonly modified: number; readonly inode: number };
