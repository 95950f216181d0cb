import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from './refusal.ts';
import type { RegistryStore } from './registry-store.ts';

const maxPage = 1000;

/** GET `/v2/{repository}/tags/list`, paged by `n` and `last` with a `Link` to the next page. */
export async function sendTags(
  store: RegistryStore,
  repository: string,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  const all = await store.tags(repository);
  if (all === undefined) throw new Refusal('NAME_UNKNOWN', `There is no repository ${repository}`);
  const { n, last } = request.query as Record<string, unknown>;
  const limit = typeof n === 'string' && /^[0-9]{1,6}$/.test(n) ? Math.min(Number(n), maxPage) : maxPage;
  const rest = typeof last === 'string' ? all.filter((tag) => tag > last) : all;
  const tags = rest.slice(0, limit);
  const final = tags.at(-1);
  if (rest.length > tags.length && final !== undefined) {
    void reply.header(
      'link',
      `</v2/${repository}/tags/list?n=${limit}&last=${encodeURIComponent(final)}>; rel="next"`,
    );
  }
  return reply.send({ name: repository, tags });
}
