import { styleText } from 'node:util';

/** The process's edges, passed in so that nothing below `main.ts` touches globals. */
export type Io = {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
};

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Colours `text` when `stream` is a terminal and NO_COLOR is not set (https://no-color.org). */
export function paint(io: Io, stream: 'stdout' | 'stderr', style: Style, text: string): string {
  return hasColours(io, stream) ? styleText(style, text, { validateStream: false }) : text;
}

export function hasColours(io: Io, stream: 'stdout' | 'stderr'): boolean {
  return io[stream].isTTY && !io.env.NO_COLOR && io.env.TERM !== 'dumb';
}
