import { chmod, rm } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { isCodedError } from '../../lib/coded-error.ts';
import type { LogEvent } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import type { LogQuery } from './log-journal.ts';
import { invokeRequestSchema, logsQuerySchema, type PlanResponse, type Status } from './protocol.ts';

export type ControlServerOptions = {
  readonly path: string;
  readonly status: () => Status;
  readonly invoke: (name: string, payload: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly plan: (canonical: Uint8Array) => Promise<PlanResponse>;
  readonly logs: {
    recent(query: LogQuery): LogEvent[];
    follow(listener: (event: LogEvent) => void): () => void;
  };
};

const nameParameters = z.strictObject({ name: z.string().min(1).max(63) });
/** A follower that does not read is let go once this much waits for it. */
const followerMaxBytes = 2 ** 20;

/** Serves the local control protocol on a socket that only the agent's own user may open. */
export async function startControlServer(options: ControlServerOptions): Promise<AsyncDisposable> {
  const server = Fastify({ bodyLimit: 4 * 2 ** 20, forceCloseConnections: true });
  server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  server.setErrorHandler((error, _request, reply) => {
    const { status, problem } = problemOf(error);
    return reply.code(status).send(problem);
  });
  addRoutes(server, options);
  await listen(server, options.path);
  return { [Symbol.asyncDispose]: () => server.close() };
}

function addRoutes(server: FastifyInstance, { status, invoke, plan, logs }: ControlServerOptions): void {
  server.get('/v1/status', () => status());

  server.post('/v1/functions/:name/invocations', async (request, reply) => {
    const { name } = nameParameters.parse(request.params);
    const { payload } = invokeRequestSchema.parse(request.body);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return { result: await invoke(name, payload, gone.signal) };
  });

  server.post('/v1/plan', async (request) => {
    if (!(request.body instanceof Uint8Array))
      throw new AgentError('badInput', 'The body is not application/octet-stream');
    return plan(request.body);
  });

  server.get('/v1/logs', (request, reply) => {
    const query = logsQuerySchema.parse(request.query);
    const lines = new PassThrough({ highWaterMark: followerMaxBytes });
    for (const event of logs.recent(query)) lines.write(`${JSON.stringify(event)}\n`);
    if (!query.follow) lines.end();
    else followInto(lines, logs, query.function);
    return reply.type('application/jsonl').send(lines);
  });
}

function followInto(lines: PassThrough, logs: ControlServerOptions['logs'], name: string | undefined): void {
  const stop = logs.follow((event) => {
    if (name !== undefined && event.function !== name) return;
    if (lines.writableLength > followerMaxBytes) lines.destroy();
    else lines.write(`${JSON.stringify(event)}\n`);
  });
  lines.once('close', stop);
}

async function listen(server: FastifyInstance, path: string): Promise<void> {
  // The root's lock is held: whatever socket is there is a dead one.
  if (process.platform !== 'win32') await rm(path, { force: true });
  await server.listen({ path });
  if (process.platform !== 'win32') await chmod(path, 0o600);
}

function problemOf(error: unknown): {
  status: number;
  problem: { code: string; message: string; hint?: string };
} {
  if (error instanceof z.ZodError)
    return { status: 400, problem: { code: 'badRequest', message: z.prettifyError(error) } };
  if (isCodedError(error)) {
    const { code, message, hint } = error;
    return {
      status: code === 'unknownFunction' ? 404 : 422,
      problem: { code, message, ...(hint === undefined ? {} : { hint }) },
    };
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  return {
    status,
    problem: {
      code: status < 500 ? 'badRequest' : 'internal',
      message: error instanceof Error ? error.message : String(error),
    },
  };
}
