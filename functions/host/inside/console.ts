/** `console.*` of the tenant: one line a call, to the log of the device. */
export function makeConsole(log: (level: string, message: string) => void) {
  const show = (value: unknown): string => {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`;
    if (typeof value === 'object' && value !== null) {
      try {
        return JSON.stringify(value);
      } catch {
        return '[object that cannot be shown as JSON]';
      }
    }
    return String(value);
  };
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...values: unknown[]) => {
      let line = '';
      for (let index = 0; index < values.length; index++)
        line += (index > 0 ? ' ' : '') + show(values[index]);
      log(level, line);
    };
  return {
    debug: at('debug'),
    trace: at('debug'),
    log: at('info'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
