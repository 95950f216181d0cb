import { InvalidArgumentError } from 'commander';
import type { JsonObject } from '../../../lib/shadow/json.ts';
import { shadowLimits, shadowNamePattern } from '../../../lib/shadow/shadow-request.ts';
import { SyncError } from '../../../cloud-sync/errors.ts';
import { CliError } from '../../errors.ts';
import { readInput } from '../../files.ts';
import type { Io } from '../../io.ts';

export function parseShadowName(text: string): string {
  if (!shadowNamePattern.test(text))
    throw new InvalidArgumentError('Use letters, digits, : _ and -, at most 64 characters.');
  return text;
}

export function parseVersion(text: string): number {
  const version = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(version))
    throw new InvalidArgumentError('Give the version that the shadow has: a whole number; 0: there is none.');
  return version;
}

/** Null takes the whole section away. */
type Section = JsonObject | null;
/** As an option: commander takes a bare null for an option without a value. */
export type GivenSection = { readonly section: Section };

/** Of the command line. */
export function parseSection(text: string): GivenSection {
  const section = sectionIn(text);
  if (section instanceof Error)
    throw new InvalidArgumentError(`${section.message} Quote it for the shell: '{"on": true}'.`);
  return { section };
}

/** Of a file, or of stdin for `-`. Rejects with CliError 'invalidFile', 'notFound' or 'tooLarge'. */
export async function readSection(io: Io, path: string): Promise<GivenSection> {
  const text = await readInput(io, path, { what: 'state', maxBytes: shadowLimits.requestBytes });
  const section = sectionIn(text);
  if (!(section instanceof Error)) return { section };
  const source = path === '-' ? 'from stdin' : path;
  throw new CliError('invalidFile', `Cannot use the state ${source}: ${section.message}`, { cause: section });
}

function sectionIn(text: string): Section | Error {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return new Error(`It is no JSON: ${(error as SyntaxError).message}.`);
  }
  if (typeof value !== 'object' || Array.isArray(value))
    return new Error('It must be a JSON object, or null to take all of it away.');
  return value as Section;
}

/** The cloud says only that the version is another one. */
export async function explainConflict<T>(
  { device, name, version }: { readonly device: string; readonly name: string; readonly version: number },
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof SyncError && cause.code === 'conflict')) throw cause;
    const what = version === 0 ? 'exists already' : `does not have version ${version} any more`;
    throw new SyncError('conflict', `The shadow ${name} of ${device} ${what}; nothing was changed.`, {
      cause,
      hint: `holdfast shadow get ${device} ${name} shows what it is now.`,
    });
  }
}
