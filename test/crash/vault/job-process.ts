import { text } from 'node:stream/consumers';
import { openBackend } from '../../../cloud-sync/vault/backend/open-backend.ts';
import { openRepository } from '../../../cloud-sync/vault/open-repository.ts';
import type { Repository } from '../../../cloud-sync/vault/repository.ts';
import { restoreSnapshot } from '../../../cloud-sync/vault/restore/restore-snapshot.ts';
import { takeSnapshot } from '../../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { checkRepository } from '../../../cloud-sync/vault/upkeep/check.ts';
import { forgetSnapshots } from '../../../cloud-sync/vault/upkeep/forget.ts';
import { prune } from '../../../cloud-sync/vault/upkeep/prune.ts';
import { chooseKept } from '../../../cloud-sync/vault/upkeep/retention.ts';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { silentLogger as logger } from '../../../lib/logger.ts';
import { deadlyBackend } from './deadly-backend.ts';
import type { Job, Outcome } from './job.ts';

/** Reads one job from its input, says when the repository is open and the work begins, does it, and says in one line what came of it. */
const { signal } = new AbortController();
const outcome = await run(JSON.parse(await text(process.stdin)) as Job).catch(failed);
process.stdout.write(`${JSON.stringify(outcome)}\n`);

async function run(job: Job): Promise<Outcome> {
  await using repository = await open(job);
  process.stdout.write('working\n');
  switch (job.kind) {
    case 'snapshot': {
      const { folder, recordedPath, memory } = job;
      const { id, problemCount: problems } = await takeSnapshot({
        ...{ repository, folder, recordedPath, memory, signal, logger, hostname: 'test' },
        ...{ tags: [], excludes: [], parent: 'latest' },
      });
      return { kind: 'snapshot', id, problems };
    }
    case 'prune': {
      const forgotten = await forget(repository, job.keepLast);
      await prune(repository, { graceMs: 0, signal });
      return { kind: 'prune', forgotten };
    }
    case 'restore': {
      const { snapshot, target } = job;
      const { problems } = await restoreSnapshot({ repository, snapshot, target, signal, logger });
      return { kind: 'restore', problemPaths: problems.map(({ path }) => path) };
    }
    case 'check': {
      const { readData } = job;
      const { damages } = await checkRepository(repository, { readData, signal });
      return { kind: 'check', damage: damages.length };
    }
  }
}

async function forget(repository: Repository, last: number): Promise<string[]> {
  const groups = chooseKept(await repository.snapshots({ signal }), { last }, Date.now());
  const snapshots = groups.flatMap(({ removed }) => removed.map(({ id }) => id));
  await forgetSnapshots(repository, { snapshots, signal });
  return snapshots;
}

async function open(job: Job): Promise<Repository> {
  const { location, password } = job;
  const backend = openBackend(location);
  const killAt = job.kind === 'snapshot' ? job.killAt : undefined;
  return await openRepository(killAt ? deadlyBackend(backend, killAt) : backend, { password, signal });
}

/** An error without a code is one that nobody expected. */
function failed(error: unknown): Outcome {
  const code = errorCode(error);
  const stack = error instanceof Error ? error.stack : undefined;
  const message = code === undefined ? (stack ?? String(error)) : errorMessage(error);
  return { kind: 'failed', code: code ?? 'bug', message };
}
