import { jsonLines, type LogEvent, type LogSink } from '../lib/logger.ts';
import { paint, type Io, type Style } from './io.ts';
import { escapeControls, printable } from './printable.ts';

const styles: Readonly<Record<string, Style>> = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' };

/** Logs of a daemon in the foreground: JSON lines on stderr, one-liners for people when it is a terminal. */
export function stderrLogSink(io: Io, { verbose }: { verbose: boolean }): LogSink {
  const write = (line: string) => void io.stderr.write(line);
  const sink = io.stderr.isTTY
    ? (event: LogEvent) => write(`${formatLogEvent(io, 'stderr', event)}\n`)
    : jsonLines(write);
  return (event) => {
    if (verbose || event.level !== 'debug') sink(event);
  };
}

/** `12:30:01 relay.batch.acked stream=weather seq=12` */
export function formatLogEvent(
  io: Io,
  stream: 'stdout' | 'stderr',
  { time, level, event, ...fields }: { time: string; level: string; event: string; [field: string]: unknown },
): string {
  const clock = time.slice(11, 19);
  const name = paint(io, stream, styles[level] ?? 'cyan', printable(event));
  return [paint(io, stream, 'dim', clock), name, ...Object.entries(fields).map(formatField)].join(' ');
}

/** `key=value`, quoted only where a space or a control character would break it: functions say what they like. */
export function formatField([key, value]: [string, unknown]): string {
  const isPlain = typeof value === 'string' && !/[\s"\p{C}]/u.test(value);
  return escapeControls(`${key}=${isPlain ? value : JSON.stringify(value)}`);
}
