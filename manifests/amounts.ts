/** What is counted: units by name, and the texts that are a whole number of one of them. */
export type AmountKind = {
  readonly units: Readonly<Record<string, number>>;
  readonly pattern: RegExp;
};
/** The least and the most, as they are written. */
export type AmountRange = readonly [min: string, max: string];

/** Texts longer than this are no amounts. */
export const maxAmountLength = 32;

export const byteAmounts = kindOf({
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
});
/** In milliseconds. */
export const durationAmounts = kindOf({
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
});

/** How much of anything may be kept or sent. */
export const anyBytes: AmountRange = ['1B', '1024TiB'];
/** How long anything may be kept. */
export const anyDuration: AmountRange = ['1ms', '5000w'];
/** Of bytes a second. */
export const anyRate: AmountRange = ['1KiB', '1TiB'];

/** `32MiB` to bytes, `5s` to milliseconds; NaN for what is no such amount. */
export function amountOf({ units, pattern }: AmountKind, text: string): number {
  if (text.length > maxAmountLength) return Number.NaN;
  const [, count = Number.NaN, unit = ''] = pattern.exec(text) ?? [];
  return Number(count) * (units[unit] ?? Number.NaN);
}

export function isWithin(kind: AmountKind, amount: number, [min, max]: AmountRange): boolean {
  return amount >= amountOf(kind, min) && amount <= amountOf(kind, max);
}

/** `32MiB` to bytes; undefined for what is none, or too much. */
export function readBytes(text: string): number | undefined {
  return amountWithin(byteAmounts, text, anyBytes);
}

/** `5s` to milliseconds; undefined for what is none, or too long. */
export function readDuration(text: string): number | undefined {
  return amountWithin(durationAmounts, text, anyDuration);
}

/** `64KiB/s` to bytes a second; undefined for what is none, too little or too much. */
export function readBytesPerSecond(text: string): number | undefined {
  return text.endsWith('/s') ? amountWithin(byteAmounts, text.slice(0, -'/s'.length), anyRate) : undefined;
}

function amountWithin(kind: AmountKind, text: string, range: AmountRange): number | undefined {
  const amount = amountOf(kind, text);
  return isWithin(kind, amount, range) ? amount : undefined;
}

function kindOf(units: Readonly<Record<string, number>>): AmountKind {
  return { units, pattern: new RegExp(`^(0|[1-9][0-9]{0,14})(${Object.keys(units).join('|')})$`) };
}
