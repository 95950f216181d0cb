/** The files of a new function by their paths; text, or bytes. */
export type TemplateFiles = Readonly<Record<string, string | Uint8Array>>;

export type Template = {
  /** One line for `--help` and the README. */
  readonly summary: string;
  /** Packages of npm that its code needs, with their ranges. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** The function's entry in machine.yaml from `on` on, indented by four spaces. */
  readonly manifest: string;
  readonly files: TemplateFiles;
};
