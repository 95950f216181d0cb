import { isBlobId } from '../format/blob-id.ts';

export type ListedFile = {
  readonly name: string;
  /** Undefined in version 1 of the protocol: ask for each. */
  readonly bytes: number | undefined;
  readonly receivedMs: number | null;
};

/** More entries than a repository of 10 TiB has. */
const maxFiles = 2_000_000;

/**
 * A listing of restic's REST protocol: names (version 1), or objects with name and size (version 2), ours with the time of receipt. Names
 * of no file of a repository are left out, and so is the second of two alike. Undefined when it is neither.
 */
export function parseListing(json: unknown): ListedFile[] | undefined {
  if (!Array.isArray(json) || json.length > maxFiles) return undefined;
  const files = new Map<string, ListedFile>();
  for (const entry of json as unknown[]) {
    const file = parseEntry(entry);
    if (!file) return undefined;
    if (isBlobId(file.name) && !files.has(file.name)) files.set(file.name, file);
  }
  return [...files.values()];
}

function parseEntry(entry: unknown): ListedFile | undefined {
  if (typeof entry === 'string') return { name: entry, bytes: undefined, receivedMs: null };
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { name, size, received } = entry as Record<string, unknown>;
  if (typeof name !== 'string' || !isCount(size)) return undefined;
  return { name, bytes: size, receivedMs: isCount(received) ? received : null };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
