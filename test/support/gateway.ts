import type { FunctionResponse, InvocationEvent } from '../../functions/index.ts';
import { openDevice, type Device, type Handler } from './data-plane.ts';

export type FetchEvent = Extract<InvocationEvent, { kind: 'fetch' }>;
export type Seen = Pick<FetchEvent, 'method' | 'url' | 'route' | 'headers'> & { readonly body: string };

export const plain = (text: string, over: Partial<FunctionResponse> = {}): FunctionResponse => ({
  status: 200,
  headers: [['content-type', 'text/plain']],
  body: Buffer.from(text),
  ...over,
});
export const say =
  (text: string): Handler =>
  () =>
    plain(text);

/** Answers with what it saw of the request. */
export const echo: Handler = (event) => {
  const { body, ...rest } = event as FetchEvent;
  return plain(JSON.stringify({ ...rest, body: Buffer.from(body).toString() }));
};
export const seenIn = (text: string): Seen => JSON.parse(text) as Seen;

export const portOf = ({ plane }: Device): number => plane.http?.port ?? 0;
export const urlOf = (device: Device, path = '/'): string => `http://127.0.0.1:${portOf(device)}${path}`;

/** A device whose function `f` answers `/*` by `handler`. */
export const oneFunction = (handler: Handler, trigger: object = {}, spec: object = {}): Promise<Device> =>
  openDevice(
    { functions: { f: { on: [{ http: '/*', ...trigger }], ...spec } } },
    { handlers: { f: handler } },
  );

export const secretsOf = (values: Record<string, string>) => {
  const listeners = new Set<(name: string) => void>();
  return {
    get: (name: string) => Promise.resolve(values[name]),
    onChange: (listener: (name: string) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (name: string, value: string) => {
      values[name] = value;
      for (const listener of listeners) listener(name);
    },
  };
};

export class Coded extends Error {
  readonly code: string;
  constructor(code: string) {
    super('the inside');
    this.code = code;
  }
}
