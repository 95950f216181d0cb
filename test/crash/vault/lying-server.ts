import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileType } from '../../../cloud-sync/vault/backend/backend.ts';

/** What a server says that is not so, from the `from`th request of a kind on, so many times. */
export type Lie = {
  readonly kind:
    | 'notFound'
    /** The newest files are not in the list. */
    | 'staleList'
    /** The connection ends in the middle of a body. */
    | 'cutBody'
    /** A body is shorter, and its announced length too. */
    | 'shortBody'
    | 'flippedBit'
    | 'error'
    /** A file is taken, and the connection ends before the answer. */
    | 'lostAnswer'
    /** All of a file, where a range was asked for. */
    | 'wholeBody';
  readonly type: FileType;
  readonly from: number;
  readonly times: number;
  /** Where in a body or a list: 0 to 1. */
  readonly where: number;
};

type Asked = { readonly type: FileType; readonly name: string };

const names = /^[0-9a-f]{64}$/;

/** restic's REST protocol over a repository in a folder, told the truth but for one lie. */
export class LyingServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #lie: Lie;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #matching = 0;
  #told = 0;

  private constructor(folder: string, lie: Lie) {
    this.#folder = folder;
    this.#lie = lie;
  }

  static async open(folder: string, lie: Lie): Promise<LyingServer> {
    const server = new LyingServer(folder, lie);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** How often it has lied. */
  get told(): number {
    return this.#told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#serve(request, response);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!response.headersSent) response.writeHead(isMissing ? 404 : 500).end();
      else response.destroy();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, type = '', name = ''] = (request.url ?? '').split('?', 1)[0]!.split('/');
    if (request.method === 'POST' && type === '') return void response.end(); // ?create=true
    const asked = { type: type as FileType, name };
    if (type !== 'config' && name !== '' && !names.test(name)) return void response.writeHead(400).end();
    switch (request.method) {
      case 'HEAD':
      case 'GET':
        if (name === '' && type !== 'config') await this.#list(asked, response);
        else await this.#read(asked, request, response);
        return;
      case 'POST':
        await this.#write(asked, request, response);
        return;
      case 'DELETE':
        await rm(this.#path(asked));
        response.end();
        return;
      default:
        response.writeHead(405).end();
    }
  }

  async #list(asked: Asked, response: ServerResponse): Promise<void> {
    if (this.#lies('error', asked)) return void response.writeHead(503).end();
    const folder = join(this.#folder, asked.type);
    const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    const files = await Promise.all(
      names.map(async ({ parentPath, name }) => {
        const { size, mtimeMs } = await lstat(join(parentPath, name));
        return { name, size, mtimeMs };
      }),
    );
    files.sort((a, b) => a.mtimeMs - b.mtimeMs);
    const shown = this.#lies('staleList', asked)
      ? files.slice(0, Math.floor(files.length * this.#lie.where))
      : files;
    response.writeHead(200, { 'content-type': 'application/vnd.x.restic.rest.v2' });
    response.end(JSON.stringify(shown.map(({ name, size }) => ({ name, size }))));
  }

  async #read(asked: Asked, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#lies('notFound', asked)) return void response.writeHead(404).end();
    if (this.#lies('error', asked)) return void response.writeHead(503).end();
    const file = await readFile(this.#path(asked));
    if (request.method === 'HEAD') return void response.setHeader('content-length', file.length).end();
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const isWhole = !range || this.#lies('wholeBody', asked);
    const [first, last] = isWhole ? [0, file.length - 1] : [Number(range[1]), Number(range[2])];
    const body = Buffer.from(file.subarray(first, last + 1));
    if (this.#lies('flippedBit', asked) && body.length > 0) {
      const bit = Math.floor(body.length * 8 * this.#lie.where);
      body[bit >> 3]! ^= 1 << (bit & 7);
    }
    const shown = this.#lies('shortBody', asked)
      ? body.subarray(0, Math.floor(body.length * this.#lie.where))
      : body;
    const contentRange = { 'content-range': `bytes ${first}-${last}/${file.length}` };
    response.writeHead(isWhole ? 200 : 206, {
      'content-length': shown.length,
      ...(isWhole ? {} : contentRange),
    });
    if (!this.#lies('cutBody', asked)) return void response.end(shown);
    response.write(shown.subarray(0, Math.floor(shown.length * this.#lie.where)), () => response.destroy());
  }

  async #write(asked: Asked, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#lies('error', asked)) {
      request.resume();
      return void response.writeHead(503).end();
    }
    const path = this.#path(asked);
    await mkdir(dirname(path), { recursive: true });
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    );
    if (isThere) {
      request.resume();
      return void response.writeHead(403).end();
    }
    const temporary = join(this.#folder, `upload-${process.pid}-${performance.now()}`);
    await writeFile(temporary, await buffer(request), { flush: true });
    await rename(temporary, path);
    if (this.#lies('lostAnswer', asked)) response.destroy();
    else response.end();
  }

  #path({ type, name }: Asked): string {
    if (type === 'config') return join(this.#folder, 'config');
    return type === 'data'
      ? join(this.#folder, type, name.slice(0, 2), name)
      : join(this.#folder, type, name);
  }

  #lies(kind: Lie['kind'], { type }: Asked): boolean {
    if (this.#lie.kind !== kind || this.#lie.type !== type) return false;
    this.#matching += 1;
    if (this.#matching < this.#lie.from || this.#told >= this.#lie.times) return false;
    this.#told += 1;
    return true;
  }
}
