import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';

export type HttpAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

/** One request by node's client, which lets a test send any header. The connection is not kept. */
export async function send(
  url: string,
  { body, ...options }: RequestOptions & { readonly body?: string | Uint8Array } = {},
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const sending = request(url, { agent: false, ...options }, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.once('error', reject);
    response.once('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(pieces).toString(),
      }),
    );
  });
  sending.once('error', reject);
  sending.end(body);
  return promise;
}

export type RawConnection = Disposable & {
  readonly socket: Socket;
  /** What came back so far. */
  readonly received: () => string;
  /** Resolves to all that came back when the other end has closed. */
  readonly closed: Promise<string>;
};

/** A connection on which a test writes whatever it likes. */
export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect({ host: '127.0.0.1', port });
  let received = '';
  socket.on('data', (piece) => (received += piece.toString('latin1')));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return {
    socket,
    received: () => received,
    closed: once(socket, 'close').then(() => received),
    [Symbol.dispose]: () => socket.destroy(),
  };
}
