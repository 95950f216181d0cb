import type { CloudLink } from './cloud-link.ts';

/** What a device needs of its link beside the uplink itself. */
export type ControlLink = AsyncDisposable &
  Pick<
    CloudLink,
    | 'connected'
    | 'status'
    | 'start'
    | 'setKeepAlive'
    | 'onConnectionChange'
    | 'sendReported'
    | 'sendCommandStatus'
  >;

const nobody = (): Promise<never> => Promise.reject(new Error('This device is not enrolled'));

/** Of a device that is not enrolled: nobody is sought, nobody hears of it. */
export const noCloud: ControlLink = {
  connected: false,
  status: { connected: false, since: null, lastError: 'not enrolled: holdfast agent up --token TOKEN' },
  start: () => undefined,
  setKeepAlive: () => undefined,
  onConnectionChange: () => () => undefined,
  sendReported: nobody,
  sendCommandStatus: nobody,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
