import { SyncError } from '../../errors.ts';

const nsPerSecond = 1_000_000_000n;
/** Years 0000 to 9999: what RFC 3339 can say. */
const minSeconds = -62_167_219_200;
const maxSeconds = 253_402_300_799;

const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since 1970 as RFC 3339 in UTC, as Go writes it: no zeros at the end of the fraction. Years beyond 0000 to 9999 become these. */
export function rfc3339OfNs(ns: bigint): string {
  let seconds = Number(ns / nsPerSecond);
  let fraction = Number(ns % nsPerSecond);
  if (fraction < 0) {
    fraction += 1e9;
    seconds -= 1;
  }
  const clamped = Math.min(Math.max(seconds, minSeconds), maxSeconds);
  return `${secondText(clamped)}${fractionText(fraction)}Z`;
}

/** Files come by the thousand with the same few times. */
const maxSecondTexts = 4096;
const secondTexts = new Map<number, string>();

function secondText(seconds: number): string {
  const known = secondTexts.get(seconds);
  if (known !== undefined) return known;
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (secondTexts.size >= maxSecondTexts) secondTexts.clear();
  secondTexts.set(seconds, text);
  return text;
}

function fractionText(fraction: number): string {
  if (fraction === 0) return '';
  const digits = `.${String(1e9 + fraction).slice(1)}`;
  return digits.endsWith('0') ? digits.replace(/0+$/, '') : digits;
}

/** Nanoseconds since 1970. Rejects what is no RFC 3339 time with `corrupt`. */
export function nsOfRfc3339(text: string): bigint {
  const match = form.exec(text);
  const ns = match === null ? undefined : nsOfSecond(`${match[1]}${match[3]}`);
  if (match === null || ns === undefined) {
    throw new SyncError('corrupt', `${JSON.stringify(text)} is no time of RFC 3339`);
  }
  return match[2] === undefined ? ns : ns + BigInt(match[2].padEnd(9, '0'));
}

const secondNs = new Map<string, bigint>();

/** Undefined for what is no time. */
function nsOfSecond(text: string): bigint | undefined {
  const known = secondNs.get(text);
  if (known !== undefined) return known;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return undefined;
  const ns = BigInt(ms) * 1_000_000n;
  if (secondNs.size >= maxSecondTexts) secondNs.clear();
  secondNs.set(text, ns);
  return ns;
}
