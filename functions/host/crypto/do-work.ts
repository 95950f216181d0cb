import { limits } from '../protocol.ts';
import { algorithmOf } from './algorithms.ts';
import { costMs } from './cost.ts';
import { generateKey, importKey, openKey } from './keys.ts';
import { bytesOf, readArgs, textOf, type Args } from './read-args.ts';
import { WorkError } from './work-error.ts';

type WorkResult = { readonly json?: unknown; readonly bytes?: Uint8Array };
/** A piece of work that was read and found good; `costMs` of CPU time. */
export type Work = { readonly costMs: number; readonly run: () => Promise<WorkResult> };

const { subtle } = globalThis.crypto;

/** Reads what an isolate wants done. Throws WorkError. */
export function readWork(text: string, bytes: Uint8Array): Work {
  if (text.length > limits.callArgsChars || bytes.byteLength > limits.workBytes)
    throw new WorkError(
      'OperationError',
      `The limit is ${limits.workBytes} bytes, ${bytes.byteLength} given`,
    );
  const { method, args } = parse(text);
  const job = Object.hasOwn(jobs, method) ? jobs[method] : undefined;
  if (!job) throw new WorkError('NotSupportedError', `There is no ${method.slice(0, 32)}`);
  const given = readArgs(args, bytes);
  const algorithm = given.algorithm === undefined ? undefined : algorithmOf(given);
  return { costMs: costMs(method, algorithm, given, bytes.byteLength), run: () => job(given) };
}

/** What `crypto.subtle` rejects with, for the isolate. */
export function workFailure(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof WorkError) return { code: error.code, message: error.message };
  if (error instanceof DOMException) return { code: error.name, message: error.message || error.name };
  if (error instanceof TypeError) return { code: 'TypeError', message: error.message };
  return { code: 'OperationError', message: error instanceof Error ? error.message : 'The operation failed' };
}

const jobs: Readonly<Record<string, (args: Args) => Promise<WorkResult>>> = {
  digest: async (args) => {
    const { name } = algorithmOf(args);
    return { bytes: new Uint8Array(await subtle.digest(name, bytesOf(args, 'data'))) };
  },
  sign: async (args) => {
    const key = await openKey(args, 'key', ['sign']);
    return {
      bytes: new Uint8Array(await subtle.sign(algorithmOf(args), key, bytesOf(args, 'data'))),
    };
  },
  verify: async (args) => {
    const key = await openKey(args, 'key', ['verify']);
    const [signature, data] = [bytesOf(args, 'signature'), bytesOf(args, 'data')];
    return { json: await subtle.verify(algorithmOf(args), key, signature, data) };
  },
  encrypt,
  decrypt,
  wrapKey: (args) => (algorithmOf(args).name === 'AES-KW' ? wrap(args) : encrypt(args)),
  unwrapKey: (args) => (algorithmOf(args).name === 'AES-KW' ? unwrap(args) : decrypt(args)),
  deriveBits,
  deriveKey: deriveBits,
  importKey: async (args) => {
    const { facts, material } = await importKey(args);
    return { json: facts, bytes: material };
  },
  generateKey: async (args) => {
    const keys = await generateKey(args);
    const json = keys.map(({ facts, material }) => ({ ...facts, size: material.byteLength }));
    return { json, bytes: Buffer.concat(keys.map(({ material }) => material)) };
  },
  exportKey: async (args) => {
    const exported: unknown = await subtle.exportKey(textOf(args, 'format') as 'raw', await openKey(args));
    return exported instanceof ArrayBuffer ? { bytes: new Uint8Array(exported) } : { json: exported };
  },
};

async function encrypt(args: Args): Promise<WorkResult> {
  const key = await openKey(args, 'key', ['encrypt']);
  return {
    bytes: new Uint8Array(await subtle.encrypt(algorithmOf(args), key, bytesOf(args, 'data'))),
  };
}

async function decrypt(args: Args): Promise<WorkResult> {
  const key = await openKey(args, 'key', ['decrypt']);
  return {
    bytes: new Uint8Array(await subtle.decrypt(algorithmOf(args), key, bytesOf(args, 'data'))),
  };
}

/** AES-KW knows keys only: what is wrapped is taken for one that any bytes are. */
const anyKey = { name: 'HMAC', hash: 'SHA-256' } as const;

/** [RFC 3394 §2] Blocks of 64 bits, two at least. */
async function wrap(args: Args): Promise<WorkResult> {
  const data = bytesOf(args, 'data');
  if (data.length < 16 || data.length % 8 !== 0)
    throw new WorkError('OperationError', `AES-KW wraps 16, 24, 32 … bytes, not ${data.length}`);
  const [key, wrapping] = await Promise.all([
    subtle.importKey('raw', data, anyKey, true, ['sign']),
    openKey(args, 'key', ['wrapKey']),
  ]);
  return { bytes: new Uint8Array(await subtle.wrapKey('raw', key, wrapping, 'AES-KW')) };
}

async function unwrap(args: Args): Promise<WorkResult> {
  const unwrapping = await openKey(args, 'key', ['unwrapKey']);
  const data = bytesOf(args, 'data');
  const key = await subtle.unwrapKey('raw', data, unwrapping, 'AES-KW', anyKey, true, ['sign']);
  return { bytes: new Uint8Array(await subtle.exportKey('raw', key)) };
}

async function deriveBits(args: Args): Promise<WorkResult> {
  const { public: _public, ...algorithm } = algorithmOf(args);
  const length = args.length === null ? null : Number(args.length);
  if (length !== null && !(length >= 0 && length <= 2 ** 20))
    throw new WorkError('OperationError', `${length} bits cannot be derived; the limit is ${2 ** 20}`);
  const other = _public === undefined ? {} : { public: await openKey(algorithmOf(args), 'public', []) };
  const full = { ...algorithm, ...other } as unknown as Parameters<typeof subtle.deriveBits>[0];
  return {
    bytes: new Uint8Array(await subtle.deriveBits(full, await openKey(args, 'key', ['deriveBits']), length)),
  };
}

function parse(text: string): { method: string; args: unknown } {
  try {
    const { method, args } = JSON.parse(text) as { method?: unknown; args?: unknown };
    if (typeof method === 'string') return { method, args };
  } catch {
    // Told below.
  }
  throw new WorkError('TypeError', 'The work is not what it should be');
}
