import { InvalidArgumentError } from 'commander';
import { durationSchema, nameSchema } from '../manifests/primitives.ts';

/** `60s` to milliseconds. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const parsed = durationSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError('Give a whole number and a unit, such as 60s or 5m.');
  return parsed.data;
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError('Give a port between 0 and 65535; 0 takes a free one.');
  }
  return port;
}

export function parseName(text: string): string {
  if (!nameSchema.safeParse(text).success) {
    throw new InvalidArgumentError(
      'Use lower-case letters, digits and inner hyphens, at most 63 characters.',
    );
  }
  return text;
}

export function parseCount(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

/** Examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
