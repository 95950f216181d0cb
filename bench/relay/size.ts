/** Takes a line for people. */
export type Report = (line: string) => void;

/** How much is measured. */
export type Size = {
  readonly rounds: number;
  /** Of one round. */
  readonly messages: number;
  /** Messages that wait when the cloud comes back. */
  readonly backlog: number;
};

export const full: Size = { rounds: 5, messages: 100_000, backlog: 1_000_000 };
/** Only shows that everything works. */
export const quick: Size = { rounds: 2, messages: 10_000, backlog: 30_000 };
