import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ivm from 'isolated-vm';
import { answers } from './answers.ts';
import { chunksOf, mainOf } from './inside-script.ts';
import { warmUpScript } from './warm-up.ts';

/**
 * The start-up snapshot of isolates: the heap after the script of `inside/` has run. A file of it begins with what it was made for
 * and the digest of its bytes, both in hexadecimal, because V8 ends the process over a snapshot that is not its own.
 */
export type Inside = {
  readonly snapshot: ivm.ExternalCopy<ArrayBuffer>;
  readonly origin: 'read' | 'made';
  /** Answers what isolates ask. */
  readonly answer: ReturnType<typeof answers>;
};

const digestChars = 64;

/** Makes the snapshot; about 50 ms. */
function makeSnapshot(script: string): ivm.ExternalCopy<ArrayBuffer> {
  return ivm.Isolate.createSnapshot([{ code: mainOf(script), filename: 'holdfast:inside' }], warmUpScript);
}

/** The snapshot file of a script, for processes with the version and flags of this one. */
export function snapshotFile(script: string): Uint8Array {
  const bytes = new Uint8Array(makeSnapshot(script).copy());
  return Buffer.concat([Buffer.from(purposeOf(script) + digestOf(bytes), 'latin1'), bytes]);
}

/** Reads the snapshot file when it is whole and fits this process and the script; makes the snapshot otherwise. */
export function openInside(scriptPath: string, snapshotPath: string): Inside {
  const script = readFileSync(scriptPath, 'utf8');
  const answer = answers(chunksOf(script));
  const snapshot = readSnapshot(snapshotPath, script);
  return snapshot
    ? { snapshot, answer, origin: 'read' }
    : { snapshot: makeSnapshot(script), answer, origin: 'made' };
}

function readSnapshot(path: string, script: string): ivm.ExternalCopy<ArrayBuffer> | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    // There is none, or it may not be read: it is made anew, which takes longer and is as good.
    return undefined;
  }
  const bytes = new Uint8Array(file.subarray(2 * digestChars));
  const fits = file.toString('latin1', 0, 2 * digestChars) === purposeOf(script) + digestOf(bytes);
  return fits ? new ivm.ExternalCopy(bytes.buffer) : undefined;
}

/** What a snapshot depends on: the scripts, V8 with its flags, the add-on whose functions it may point to, the machine's kind. */
function purposeOf(script: string): string {
  const addon = createRequire(import.meta.url)('isolated-vm/package.json') as { version: string };
  const flags = process.execArgv.filter((flag) => !/^--(permission|allow-|disable-warning)/.test(flag));
  const { arch, platform, version, versions } = process;
  return digestOf(
    JSON.stringify([script, warmUpScript, version, versions.v8, addon.version, platform, arch, flags]),
  );
}

function digestOf(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
