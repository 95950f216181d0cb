import { expect, test } from '@jest/globals';
import type { Reported } from '../../cloud-sync/protocol/messages.ts';
import { createLogger } from '../../lib/logger.ts';
import { Reporter } from './reporter.ts';
import { emptyState, type AgentState, type StateHolder } from './state-schema.ts';

/** A cloud, for which a report counts when its number is beyond the last one, and the device's state file. */
class FakeCloud implements StateHolder {
  readonly stored: Reported[] = [];
  readonly answers: boolean[] = [];
  readonly logged: string[] = [];
  state: AgentState;
  readonly reporter: Reporter;
  #seq: number;

  constructor({ known, own, recovered = false }: { known: number; own: number; recovered?: boolean }) {
    this.#seq = known;
    this.state = { ...emptyState, reportedSeq: own };
    this.reporter = new Reporter({
      store: this,
      components: () => ({}),
      conditions: () => [],
      recovered: () => recovered,
      isConnected: () => true,
      send: (reported) => {
        this.take(reported);
        return Promise.resolve();
      },
      onAnswered: ({ isOlder }) => this.answers.push(isOlder),
      logger: createLogger(({ event }) => this.logged.push(event)),
    });
  }

  update(change: (state: AgentState) => Partial<AgentState>): Promise<void> {
    this.state = { ...this.state, ...change(this.state) };
    return Promise.resolve();
  }

  /** Another agent with this identity said so much. */
  hear(seq: number): void {
    this.#seq = seq;
  }

  take(reported: Reported): void {
    if (reported.seq > this.#seq) {
      this.#seq = reported.seq;
      this.stored.push(reported);
    }
    const seq = this.#seq;
    setImmediate(() => this.reporter.acknowledge(seq));
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test('[G3] a disk older than what the cloud has heard reports beyond it, and says so', async () => {
  const cloud = new FakeCloud({ known: 50, own: 3 });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.stored.length === 1);
  await until(() => cloud.answers.length === 2);
  expect(cloud.stored).toMatchObject([{ seq: 151, conditions: [] }]);
  expect([cloud.state.reportedSeq, cloud.answers, cloud.logged]).toEqual([
    151,
    [true, false],
    ['report.overtaken'],
  ]);
});

test('another agent with the same identity is told of, from the second time on', async () => {
  const cloud = new FakeCloud({ known: 50, own: 3 });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.stored.length === 1);
  cloud.hear(300);
  reporter.touch();
  await until(() => cloud.stored.length === 2);
  expect(cloud.stored[1]).toMatchObject({ seq: 401, conditions: [{ type: 'IdentityShared' }] });
});

test('[G3] the copy of a state before the last write does not use a number twice', async () => {
  const cloud = new FakeCloud({ known: 7, own: 6, recovered: true });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.stored.length === 1);
  expect(cloud.stored).toMatchObject([{ seq: 8, recovered: true }]);
  expect(cloud.logged).toEqual([]);
});

test('a cloud that claims a number without end is not followed', async () => {
  const cloud = new FakeCloud({ known: Number.MAX_SAFE_INTEGER, own: 3 });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.logged.length > 0);
  expect([cloud.state.reportedSeq, cloud.logged, cloud.answers]).toEqual([4, ['report.number.refused'], []]);
});
