import type { InvocationEvent, InvocationResult } from '../../functions/index.ts';
import type { Sandbox } from './function-sandbox.ts';

/** Runs one event of any kind. */
export function deliver(sandbox: Sandbox, name: string, event: InvocationEvent): Promise<InvocationResult> {
  const { signal } = new AbortController();
  return sandbox.runtime.invoke(name, event, sandbox.effects, { signal });
}

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly text: string;
  readonly bytes: Uint8Array;
};

export type Asked = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly route?: string;
};

/** An HTTP request to the function, as the gateway would give it. */
export async function ask(
  sandbox: Sandbox,
  name: string,
  path: string,
  { method = 'GET', headers = {}, body = '', route = '/*' }: Asked = {},
): Promise<Answer> {
  const event: InvocationEvent = {
    ...{ kind: 'fetch', method, url: `http://device.local:8080${path}`, route },
    headers: Object.entries(headers),
    body: typeof body === 'string' ? Buffer.from(body) : body,
  };
  const { response } = await deliver(sandbox, name, event);
  if (!response) throw new Error('There is no response');
  const fields = new Map<string, string | string[]>();
  for (const [field, value] of response.headers) {
    const before = fields.get(field);
    if (field === 'set-cookie') fields.set(field, Array.isArray(before) ? [...before, value] : [value]);
    else fields.set(field, value);
  }
  return {
    status: response.status,
    headers: Object.fromEntries(fields),
    text: Buffer.from(response.body).toString('utf8'),
    bytes: response.body,
  };
}

/** A batch of messages with the ids 0, 1, … */
export function batchOf(
  ...messages: readonly {
    readonly body: string | Uint8Array;
    readonly contentType?: string;
    readonly attempts?: number;
  }[]
): InvocationEvent {
  return {
    kind: 'queue',
    queue: 'orders',
    messages: messages.map(({ body, contentType, attempts = 1 }, at) => ({
      id: `${at}`,
      body: typeof body === 'string' ? Buffer.from(body) : body,
      contentType,
      time: '2026-01-02T03:04:05.678Z',
      attempts,
    })),
  };
}
