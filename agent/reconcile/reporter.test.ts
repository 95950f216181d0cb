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
  /** The device's disk. */
  isFull = false;
  #seq: number;
  #writing = Promise.resolve();

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
      onAnswered: ({ isOlder }) => {
        if (this.isFull) return Promise.reject(new Error('the disk is full'));
        this.answers.push(isOlder);
        return Promise.resolve();
      },
      logger: createLogger(({ event }) => this.logged.push(event)),
    });
  }

  /** In order, and each some turns later. */
  update(change: (state: AgentState) => Partial<AgentState>): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      this.state = { ...this.state, ...change(this.state) };
    });
    return this.#writing;
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

test('[G3] a disk that is older by one report is found out as well', async () => {
  const cloud = new FakeCloud({ known: 4, own: 3 });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.stored.length === 1);
  expect([cloud.stored[0]?.seq, cloud.answers[0]]).toEqual([105, true]);
});

test('a disk that is as the cloud knows it goes on with the next number', async () => {
  const cloud = new FakeCloud({ known: 3, own: 3 });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.answers.length === 2);
  expect([cloud.stored.map(({ seq }) => seq), cloud.answers, cloud.logged]).toEqual([
    [4],
    [false, false],
    [],
  ]);
});

test('a report that the cloud never got is taken with the number it has', async () => {
  const cloud = new FakeCloud({ known: 3, own: 5 });
  await using reporter = cloud.reporter;
  reporter.start();
  await until(() => cloud.answers.length === 2);
  expect([cloud.stored.map(({ seq }) => seq), cloud.logged]).toEqual([[5, 6], []]);
});

test('[G5] an older disk stays one until it has been acted on', async () => {
  const cloud = new FakeCloud({ known: 50, own: 3 });
  await using reporter = cloud.reporter;
  cloud.isFull = true;
  reporter.start();
  await until(() => cloud.logged.length === 1);
  expect([cloud.state.reportedSeq, cloud.logged]).toEqual([3, ['report.overtaken.failed']]);
  cloud.isFull = false;
  reporter.connected();
  await until(() => cloud.stored.length === 1);
  expect([cloud.stored[0]?.seq, cloud.answers[0]]).toEqual([151, true]);
});

test('a change while the cloud turns out to know more is no second time', async () => {
  const cloud = new FakeCloud({ known: 50, own: 3 });
  await using reporter = cloud.reporter;
  reporter.start();
  const stop = setInterval(() => reporter.touch());
  await until(() => cloud.stored.length === 2);
  clearInterval(stop);
  expect(cloud.stored.map(({ conditions }) => conditions)).toEqual([[], []]);
  expect(cloud.logged).toEqual(['report.overtaken']);
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
  expect([cloud.state.reportedSeq, cloud.logged, cloud.answers]).toEqual([3, ['report.number.refused'], []]);
});
