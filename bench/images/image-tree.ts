import { cp, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addNode } from '../../examples/apps/dashboard/build.ts';

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** Answers whatever it is asked: the program of the image. */
const server = `import { createServer } from 'node:http';
createServer((_, response) => response.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');
`;

/** About 150 MB: node with its libraries, some thousand type declarations, and a small web server. */
export async function makeImageTree(folder: string): Promise<void> {
  await mkdir(join(folder, 'app'), { recursive: true });
  await addNode(folder);
  for (const name of ['@types', 'typescript', 'zod', 'fastify'])
    await cp(join(modules, name), join(folder, 'usr/include', name), {
      recursive: true,
      dereference: true,
    });
  await writeFile(join(folder, 'app/server.mjs'), server);
}

const blockBytes = 64 * 1024;

/**
 * Changes 2 % of the bytes in place: in the large files one block of 64 KiB in every 50, as a program does that was compiled
 * again; of the small files every 50th is written anew.
 */
export async function changeTree(
  folder: string,
): Promise<{ readonly changedBytes: number; readonly bytes: number }> {
  let [changedBytes, bytes, small] = [0, 0, 0];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile()).sort(byPath)) {
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    bytes += content.byteLength;
    if (content.byteLength < 50 * blockBytes) {
      small += 1;
      if (small % 50 !== 0) continue;
      await writeFile(path, content.map(flip));
      changedBytes += content.byteLength;
      continue;
    }
    await using file = await open(path, 'r+');
    for (let at = 25 * blockBytes; at + blockBytes <= content.byteLength; at += 50 * blockBytes) {
      await file.write(content.subarray(at, at + blockBytes).map(flip), 0, blockBytes, at);
      changedBytes += blockBytes;
    }
  }
  return { changedBytes, bytes };
}

const flip = (byte: number): number => byte ^ 0x15;
const byPath = (
  a: { readonly parentPath: string; readonly name: string },
  b: { readonly parentPath: string; readonly name: string },
): number => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1);
