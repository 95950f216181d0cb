import { coarseNowMs } from './coarse-clock.ts';
import { inspect } from './inspect.ts';
import { ports } from './ports.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

const indents = { text: '' };
const maxIndent = 32;
const maxLabels = 256;
const counts = new Map<string, number>();
const timers = new Map<string, number>();

/** Console §1; one line of the device's log a call. */
function print(level: Level, values: readonly unknown[]): void {
  ports.log(level, indents.text + format(values).replaceAll('\n', `\n${indents.text}`));
}

const at =
  (level: Level) =>
  (...values: unknown[]) =>
    print(level, values);

/** Console §2.2: `%s`, `%d`, `%i`, `%f`, `%o`, `%O`, `%j`, `%c` take the values after the text, in order. */
function format(values: readonly unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== 'string' || !first.includes('%')) return values.map(inspect).join(' ');
  const text = first.replace(/%[sdifoOjc%]/g, (mark) => {
    if (mark === '%%') return '%';
    if (rest.length === 0) return mark;
    const value = rest.shift();
    if (mark === '%s') return typeof value === 'symbol' ? value.toString() : inspect(value);
    if (mark === '%c') return '';
    if (mark === '%o' || mark === '%O' || mark === '%j') return inspect(value);
    if (typeof value === 'symbol') return 'NaN';
    const number = mark === '%f' ? Number.parseFloat(String(value)) : Number.parseInt(String(value), 10);
    return String(number);
  });
  return [text, ...rest.map(inspect)].join(' ');
}

function count(label: unknown = 'default'): void {
  const name = String(label);
  if (!counts.has(name) && counts.size >= maxLabels) counts.clear();
  const next = (counts.get(name) ?? 0) + 1;
  counts.set(name, next);
  print('info', [`${name}: ${next}`]);
}

function countReset(label: unknown = 'default'): void {
  if (!counts.delete(String(label))) print('warn', [`There is no count "${String(label)}"`]);
}

function time(label: unknown = 'default'): void {
  const name = String(label);
  if (timers.has(name)) {
    print('warn', [`The timer "${name}" runs already`]);
    return;
  }
  if (timers.size >= maxLabels) timers.clear();
  timers.set(name, coarseNowMs());
}

function timeLog(label: unknown = 'default', ...values: unknown[]): void {
  const began = timers.get(String(label));
  if (began === undefined) print('warn', [`There is no timer "${String(label)}"`]);
  else print('info', [`${String(label)}: ${coarseNowMs() - began} ms`, ...values]);
}

function timeEnd(label: unknown = 'default'): void {
  timeLog(label);
  timers.delete(String(label));
}

function group(...values: unknown[]): void {
  if (values.length > 0) print('info', values);
  if (indents.text.length < maxIndent) indents.text += '  ';
}

function trace(...values: unknown[]): void {
  const { stack = '' } = new Error();
  print('debug', [`Trace: ${format(values)}\n${stack.split('\n').slice(2).join('\n')}`]);
}

function assert(condition?: unknown, ...values: unknown[]): void {
  if (condition) return;
  const [first, ...rest] = values;
  if (typeof first === 'string') print('error', [`Assertion failed: ${first}`, ...rest]);
  else print('error', ['Assertion failed', ...values]);
}

/** Rows of a table, a line each: index, then the columns as JSON. */
function table(data?: unknown, columns?: readonly string[]): void {
  if (typeof data !== 'object' || data === null) {
    print('info', [data]);
    return;
  }
  const lines = Object.entries(data)
    .slice(0, 100)
    .map(([index, row]: [string, unknown]) => {
      const shown =
        columns && typeof row === 'object' && row !== null
          ? Object.fromEntries(Object.entries(row).filter(([key]) => columns.includes(key)))
          : row;
      return `${index}  ${inspect(shown)}`;
    });
  print('info', [lines.join('\n')]);
}

export const console = Object.create(Object.prototype) as Record<string, unknown>;
const methods = {
  debug: at('debug'),
  error: at('error'),
  info: at('info'),
  log: at('info'),
  warn: at('warn'),
  assert,
  clear: () => {
    indents.text = '';
  },
  count,
  countReset,
  dir: (value?: unknown) => print('info', [value]),
  dirxml: at('info'),
  group,
  groupCollapsed: group,
  groupEnd: () => {
    indents.text = indents.text.slice(2);
  },
  table,
  time,
  timeEnd,
  timeLog,
  trace,
};
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(value, 'name', { value: name, configurable: true });
  Object.defineProperty(console, name, { value, writable: true, enumerable: true, configurable: true });
}
Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
