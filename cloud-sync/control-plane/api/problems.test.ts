import { expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { silentLogger } from '../../../lib/logger.ts';
import { createErrorHandler } from './problems.ts';

test.each([
  ['a full disk', 13, 507, 'diskFull'],
  ['a log whose index has no room', 4874, 507, 'diskFull'],
  ['a disk that fails', 778, 503, 'unavailable'],
  ['a mistake of ours', 1, 500, 'internal'],
])('%s under the database is told as that', async (_, errcode, status, code) => {
  const server = Fastify();
  server.setErrorHandler(createErrorHandler(silentLogger));
  server.get('/', () => {
    throw Object.assign(new Error('of SQLite'), { code: 'ERR_SQLITE_ERROR', errcode });
  });
  const answer = await server.inject('/');
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toMatchObject({ code });
});
