import type { Status } from '../../agent/control/protocol.ts';
import type { AppDesk } from '../../agent/control/app-routes.ts';
import type { GenerationsDesk } from '../../agent/control/generation-routes.ts';
import type { FunctionDesk } from '../../agent/control/function-routes.ts';
import type { StreamDesk } from '../../agent/control/stream-routes.ts';
import type { VaultDesk } from '../../agent/control/vault-routes.ts';
import { AgentError } from '../../agent/errors.ts';
import type { DeadLetterPage } from '../../agent/triggers/function-control.ts';

/** One function, `echo`, with two dead letters; it remembers what it was asked for. */
export class FakeDesk implements FunctionDesk {
  readonly asked: unknown[][] = [];

  deadCount(): number {
    return 1;
  }

  pause(name: string, reason: string): Promise<void> {
    this.asked.push(['pause', name, reason]);
    return name === 'echo'
      ? Promise.resolve()
      : Promise.reject(new AgentError('unknownFunction', `There is no function ${name}`));
  }

  resume(name: string): Promise<void> {
    this.asked.push(['resume', name]);
    return Promise.resolve();
  }

  deadLetters(name: string, after: number): Promise<DeadLetterPage> {
    const letter: Omit<DeadLetterPage['letters'][number], 'id'> = {
      ...{ function: name, kind: 'message', topic: 't', payload: Buffer.from('x'), time: 0, hops: 0 },
      ...{ attempts: 5, died: 1000, error: { code: 'threw', message: 'no' } },
    };
    return Promise.resolve({ letters: [{ ...letter, id: after + 1 }], next: after === 0 ? 1 : null });
  }

  redeliver(name: string, { ids }: { ids: readonly number[] | undefined }): Promise<number> {
    this.asked.push(['redeliver', name, ids]);
    return Promise.resolve(ids?.length ?? 2);
  }

  discard(name: string, { ids }: { ids: readonly number[] | undefined }): Promise<number> {
    this.asked.push(['discard', name, ids]);
    return Promise.resolve(ids?.length ?? 2);
  }
}

const refuse = (): never => {
  throw new AgentError('unknownStream', 'There is no stream on this device');
};

/** A device without streams. */
export const noStreams: StreamDesk = {
  control: {
    list: () => Promise.resolve([]),
    ...{ records: refuse, tail: refuse, seqAt: refuse, cursor: refuse, place: refuse },
    ...{ remove: refuse, check: refuse, checkRemoval: refuse },
  },
  replays: { run: refuse },
};

const refuseVault = () => Promise.reject(new AgentError('notConfigured', 'There is no vault'));

/** Of an agent without volumes. */
export const noVault: VaultDesk = {
  status: () => ({
    repository: null,
    owner: null,
    power: 'unknown',
    link: 'unknown',
    paused: null,
    retention: null,
    running: null,
    waiting: 0,
    volumes: {},
  }),
  jobs: () => [],
  volumes: [],
  snapshotVolume: refuseVault,
  upkeep: refuseVault,
  keys: refuseVault,
  trustOwner: refuseVault,
  acceptState: refuseVault,
};

const refuseApp = (name: string) =>
  Promise.reject(new AgentError('unknownApp', `App ${name} is not of the generation that runs`));

/** Of an agent without apps. */
export const noApps: AppDesk = {
  ...{ start: refuseApp, stop: refuseApp, restart: refuseApp, lock: refuseApp, unlock: refuseApp },
  locks: () => Promise.resolve([]),
};

const refuseGeneration = (): Promise<never> =>
  Promise.reject(new AgentError('unknownGeneration', 'This device has no generation'));

/** Of an agent to which nothing was deployed. */
export const noGenerations: GenerationsDesk = {
  list: () => [],
  activate: refuseGeneration,
  pin: refuseGeneration,
  unpin: refuseGeneration,
};

export const noIsolations: Status['isolations'] = {
  container: { available: false, by: 'neither runc nor crun is on the PATH' },
  sandbox: { available: true, by: 'bwrap' },
  process: { available: true, by: 'no isolation' },
  unenforced: [],
};
