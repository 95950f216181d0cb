type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;
export type LogEvent = { time: string; level: LogLevel; event: string } & Record<string, unknown>;
export type LogSink = (event: LogEvent) => void;

/** One event a call: a stable dotted name (`relay.batch.acked`) and fields. Never payloads, keys or tokens. What the field `local` holds stays in the journal. */
export type Logger = {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger whose events carry `fields` too: ids that connect (device, generation, function, invocation). */
  child(fields: LogFields): Logger;
};

export function createLogger(
  sink: LogSink,
  scope: LogFields = {},
  now: () => Date = () => new Date(),
): Logger {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      sink({ time: now().toISOString(), level, event, ...scope, ...plain(fields) });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createLogger(sink, { ...scope, ...fields }, now),
  };
}

export const silentLogger: Logger = createLogger(() => undefined);

/** A sink that writes one JSON line an event. */
export function jsonLines(write: (line: string) => void): LogSink {
  return (event) => write(`${JSON.stringify(event)}\n`);
}

function plain(fields: LogFields): Record<string, unknown> {
  const entries = Object.entries(fields).map(([key, value]) => [
    key,
    value instanceof Error ? errorFields(value) : value,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function errorFields(error: Error): Record<string, unknown> {
  const code = (error as { code?: unknown }).code;
  return { message: error.message, ...(code === undefined ? {} : { code }) };
}
