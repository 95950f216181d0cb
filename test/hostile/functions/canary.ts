import { once } from 'node:events';
import { createServer } from 'node:http';
import type { OutsideEffects } from '../../../functions/index.ts';

/** A server on the loopback address that no function may reach. */
export async function openCanary() {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits++;
    response.end('reached');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    hits: () => hits,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The agent's own way to the network; secrets that say whose they are; no other functions. */
export function outsideOf(fetch: OutsideEffects['fetch']): OutsideEffects {
  return {
    fetch,
    secret: (name) => Promise.resolve(`value of ${name}`),
    invoke: (name) => Promise.reject(new Error(`There is no function ${name}`)),
  };
}
