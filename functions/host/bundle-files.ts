import ivm from 'isolated-vm';
import type { FileHeader } from './protocol.ts';

/** A file that the code of a function imports. */
export type BundleFile = FileHeader & { readonly bytes: Uint8Array };

/** The body of a load: the code, then the files one after another. Throws RangeError when the sizes do not add up. */
export function splitLoad(
  body: Uint8Array,
  headers: readonly FileHeader[] = [],
): { code: string; files: BundleFile[] } {
  const filesBytes = headers.reduce((sum, { size }) => sum + size, 0);
  let at = body.byteLength - filesBytes;
  if (at < 0) throw new RangeError(`files of ${filesBytes} bytes in a body of ${body.byteLength}`);
  const code = Buffer.from(body.subarray(0, at)).toString('utf8');
  const files = headers.map((header) => ({ ...header, bytes: body.slice(at, (at += header.size)) }));
  return { code, files };
}

const exported = { wasm: 'new WebAssembly.Module(bytes)', data: 'bytes.buffer' } as const;

/**
 * A module that exports what the file holds. Its code runs before the tenant's, which is one module that imports it,
 * so the name by which the bytes get in is gone when the tenant comes.
 */
export async function fileModule(
  isolate: ivm.Isolate,
  context: ivm.Context,
  { name, type, bytes }: BundleFile,
): Promise<ivm.Module> {
  const key = JSON.stringify(`holdfast:file:${name}`);
  const copy = new ivm.ExternalCopy(new Uint8Array(bytes), { transferOut: true });
  await context.global.set(JSON.parse(key) as string, copy.copyInto({ release: true, transferIn: true }));
  const code = `const bytes = globalThis[${key}]; delete globalThis[${key}]; export default ${exported[type]};`;
  return isolate.compileModule(code, { filename: name });
}
