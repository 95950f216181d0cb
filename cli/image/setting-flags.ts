import { InvalidArgumentError } from 'commander';

/** Flags of `holdfast image build` that say the same as the image file. */
export type SettingFlags = {
  readonly file?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly user?: string;
  readonly label: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly port: readonly string[];
  readonly layer: readonly string[];
};

/** `NAME=value`, for an option that may be given several times. */
export function collectPairs(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, name, value] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Write NAME=value.');
  return { ...before, [name]: value };
}

/** `node server.mjs`, or as JSON where a word has spaces: `["sh", "-c", "echo hello"]`. */
export function parseWords(text: string): readonly string[] {
  if (!text.trimStart().startsWith('[')) return text.split(/\s+/).filter((word) => word !== '');
  const words = parseJson(text);
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw new InvalidArgumentError('Write words, or a JSON list of texts.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
