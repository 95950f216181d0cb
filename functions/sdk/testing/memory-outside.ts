import { FunctionError } from '../../function-error.ts';
import type {
  FunctionResponse,
  InvocationResult,
  OutboundRequest,
  OutsideEffects,
} from '../../runtime/ports.ts';

export type MemoryOutsideOptions = {
  /** By name of the secret. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Answers what the function fetches; nothing leaves the process. */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /** By name: what `invoke` bindings call, with the payload, or with a Request for `env.NAME.fetch(request)`. */
  readonly functions?: Readonly<Record<string, (payload: unknown) => unknown>>;
};

const maxRedirects = 20;

/** The world beyond a function, as the author of a test describes it. */
export function memoryOutside({ secrets = {}, fetch, functions = {} }: MemoryOutsideOptions): OutsideEffects {
  return {
    secret: (name) => Promise.resolve(Object.hasOwn(secrets, name) ? secrets[name] : undefined),
    fetch: (request, { signal }) => followed(request, signal, fetch),
    async invoke(name, event): Promise<InvocationResult> {
      const callee = Object.hasOwn(functions, name) ? functions[name] : undefined;
      if (!callee) {
        throw new FunctionError('notDeployed', `There is no function ${name}`, {
          hint: `Give one: functions: { '${name}': (payload) => … }.`,
        });
      }
      const cost = { cpuMs: 0, wallMs: 0, egressBytes: 0, coldStart: false };
      if (event.kind !== 'fetch') {
        return { value: await callee(event.kind === 'invoke' ? event.payload : event), ...cost };
      }
      const response = await callee(requestOf(event));
      if (response instanceof Response) return { value: undefined, response: await plain(response), ...cost };
      throw new TypeError(`functions['${name}'] was fetched and gave no Response`);
    },
  };
}

/** Redirects as the fetch standard has them, each hop within the grant. */
async function followed(
  request: OutboundRequest,
  signal: AbortSignal,
  fetch: MemoryOutsideOptions['fetch'],
): Promise<FunctionResponse & { url: string; redirected: boolean }> {
  const { redirect, origins } = request;
  let { method, url, body } = request;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    signal.throwIfAborted();
    const { origin } = new URL(url);
    if (!origins.some((granted) => new URL(granted).origin === origin)) {
      throw new FunctionError(
        'denied',
        `fetch of ${origin} is not granted; ${origins.join(', ') || 'no origin'} is`,
      );
    }
    if (!fetch) {
      throw new FunctionError('denied', `Nothing answers ${method} ${url} in this test`, {
        hint: 'Give an answer: fetch: (request) => new Response(…).',
      });
    }
    const response = await fetch(requestOf({ ...request, method, url, body }));
    const location = response.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
    if (!isRedirect || redirect === 'manual')
      return { ...(await plain(response)), url, redirected: hops > 0 };
    if (redirect === 'error') throw new FunctionError('denied', `${url} redirects to ${location}`);
    url = new URL(location, url).href;
    const becomesGet =
      (response.status === 303 && method !== 'HEAD') || (response.status < 303 && method === 'POST');
    if (becomesGet) [method, body] = ['GET', undefined];
  }
  throw new FunctionError('denied', `${request.url} redirects more than ${maxRedirects} times`);
}

function requestOf({
  method,
  url,
  headers,
  body,
}: Pick<OutboundRequest, 'method' | 'url' | 'headers' | 'body'>): Request {
  const hasBody = body !== undefined && body.byteLength > 0 && method !== 'GET' && method !== 'HEAD';
  const pairs = headers.map(([name, value]): [string, string] => [name, value]);
  return new Request(url, { method, headers: pairs, ...(hasBody && { body: new Uint8Array(body) }) });
}

async function plain(response: Response): Promise<FunctionResponse> {
  return {
    status: response.status,
    headers: [...response.headers],
    body: new Uint8Array(await response.arrayBuffer()),
  };
}
