/** What is claimed of one API: `checks` are expressions that are true inside a function, by sentences. */
export type Api = {
  /** As a program writes it. */
  readonly name: string;
  readonly standard: string;
  /** What differs from the standard, and what that means for a function. */
  readonly deviation?: string;
  readonly checks: Readonly<Record<string, string>>;
};
