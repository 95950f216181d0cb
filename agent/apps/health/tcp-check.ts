import { connect } from 'node:net';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { CheckResult } from './health-state.ts';

/** Whether `host:port` takes a connection. Rejects with nothing; an aborted one is a bad one. */
export function checkTcp(address: string, signal: AbortSignal): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const colon = address.lastIndexOf(':');
  const socket = connect({
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    signal,
  });
  socket.once('connect', () => {
    socket.destroy();
    resolve({ isGood: true, text: 'takes connections' });
  });
  socket.on('error', (error) =>
    resolve({
      isGood: false,
      text: `takes no connection (${errorCode(error) ?? errorMessage(error)})`,
    }),
  );
  return promise;
}
