import { CliError } from './errors.ts';
import { readInput } from './files.ts';
import type { Io } from './io.ts';

export type OtlpTarget = { readonly url: string; readonly headers: Readonly<Record<string, string>> };

const headersVariable = 'OTEL_EXPORTER_OTLP_HEADERS';
const maxBytes = 64 * 1024;
const maxHeaders = 32;
/** RFC 9110: a token, and a value without control characters. */
const namePattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const valuePattern = /^[\x20-\x7E]{0,4096}$/;

/**
 * Where to export to. Headers such as a token come from a file with a `Name: value` a line, or from
 * OTEL_EXPORTER_OTLP_HEADERS (`name=value,name=value`, percent-encoded), never from the command line, which everybody on
 * the machine can read. Rejects with CliError 'usage', 'invalidFile', 'notFound', 'tooLarge'.
 */
export async function readOtlpTarget(
  io: Io,
  { url, headersFile }: { readonly url: string; readonly headersFile: string | undefined },
): Promise<OtlpTarget> {
  const address = URL.parse(url);
  if (!address || !['http:', 'https:'].includes(address.protocol))
    throw new CliError('usage', `Cannot export to ${url}: it is not an http or https address.`, {
      hint: 'Give the base address of the collector, such as http://collector:4318.',
    });
  if (address.username !== '' || address.password !== '' || address.search !== '' || address.hash !== '')
    throw new CliError('usage', `Cannot export to ${address.origin}: the address has more than a path.`, {
      hint: `Put tokens into a file for --otlp-headers, or into ${headersVariable}.`,
    });
  const headers =
    headersFile === undefined
      ? fromVariable(io.env[headersVariable] ?? '')
      : fromLines(await readInput(io, headersFile, { what: 'the headers', maxBytes }));
  return { url, headers };
}

function fromLines(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return headersOf(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(0, colon)).trim(), line.slice(colon + 1).trim()];
    }),
    'The file of --otlp-headers has a line that is not Name: value',
  );
}

function fromVariable(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  const wrong = `${headersVariable} is not name=value,name=value`;
  return headersOf(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, Math.max(0, equals)).trim(), decode(pair.slice(equals + 1).trim(), wrong)];
    }),
    wrong,
  );
}

/** The values are secrets: no error shows one. */
function headersOf(pairs: readonly (readonly [string, string])[], wrong: string): Record<string, string> {
  const isWrong = pairs.some(([name, value]) => !namePattern.test(name) || !valuePattern.test(value));
  if (isWrong || pairs.length > maxHeaders) throw new CliError('usage', `${wrong}.`);
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
}

function decode(text: string, wrong: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new CliError('usage', `${wrong}: a value is not percent-encoded.`, { cause });
  }
}
