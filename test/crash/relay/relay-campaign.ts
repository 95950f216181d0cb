import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../support/random.ts';
import { checkSession, checkStretch } from './check-delivery.ts';
import { checkStored } from './check-stored.ts';
import { CloudListener } from './cloud-listener.ts';
import { device, DeviceWorld, password, streamNames } from './device-world.ts';
import { failSync, fillDisk } from './disk-faults.ts';
import { LocalSession } from './local-session.ts';
import { cyclePlanner, type CyclePlan, type Fault, type ProcessName } from './plan-cycle.ts';
import { Publisher } from './publisher.ts';
import { RetainedValue } from './retained-value.ts';
import { SentMessages } from './sent-messages.ts';

export type RelayCampaignOptions = {
  readonly cycles: number;
  readonly seed: number;
  /** On a disk. */
  readonly folder: string;
  /** The agent's; on a small file system of its own when `isSmall`. */
  readonly root: string;
  readonly isSmall: boolean;
  readonly canTrace: boolean;
  readonly report: (line: string) => void;
};
export type RelayCampaignResult = {
  readonly figures: Record<string, number>;
  readonly failed: readonly string[];
};

/** Everything is compared after this many cycles, and at the end. */
const checkEvery = 10;
/** For what was in doubt to be sent again and taken: reconnections, acknowledgements that were lost, half-open links. */
const convergeMs = 60_000;
/** An acknowledgement may have been on its way when the fsync failed. */
const ackOnItsWayMs = 250;
const endsWithinMs = 10_000;
const settledWithinMs = 2000;
/** One cause shows in many messages. */
const saidProblems = 20;

const publishers = [
  { name: 'pump-1', stream: 'main', qos: 1, bytes: 100, window: 40, pauseMs: 3 },
  { name: 'pump-2', stream: 'main', qos: 2, bytes: 100, window: 20, pauseMs: 5 },
  { name: 'camera', stream: 'bulk', qos: 1, bytes: 3000, window: 10, pauseMs: 10 },
  { name: 'meter', stream: 'small', qos: 2, bytes: 900, window: 20, pauseMs: 6 },
  { name: 'clock', stream: 'brief', qos: 2, bytes: 40, window: 10, pauseMs: 10 },
] as const;

/** A device and its cloud through `cycles` faults, with traffic all the time. */
export class RelayCampaign {
  readonly #options: RelayCampaignOptions;
  readonly #world: DeviceWorld;
  readonly #sent = new SentMessages();
  readonly #publishers: readonly Publisher[];
  readonly #retained: RetainedValue;
  readonly #session: LocalSession;
  readonly #listener: CloudListener;
  readonly #failed = new Set<string>();
  readonly #counts: Record<string, number> = {};

  static async run(options: RelayCampaignOptions): Promise<RelayCampaignResult> {
    await using resources = new AsyncDisposableStack();
    const world = resources.use(await DeviceWorld.open(options));
    const session = resources.use(await LocalSession.open(world.mqttPort, password, 'in/main/#'));
    const campaign = new RelayCampaign(options, world, session);
    resources.defer(() => campaign.#close());
    return await campaign.#run();
  }

  private constructor(options: RelayCampaignOptions, world: DeviceWorld, session: LocalSession) {
    this.#options = options;
    this.#world = world;
    this.#session = session;
    const { mqttPort: port, ca, token, cloudUrl } = world;
    this.#retained = new RetainedValue(port, password);
    this.#listener = new CloudListener(cloudUrl, { ca, token }, `t/default/${device}`);
    this.#publishers = publishers.map((spec) => {
      const topic = `in/${spec.stream}/${spec.name}`;
      return new Publisher({ ...spec, topic, port, password, sent: this.#sent });
    });
  }

  async #run(): Promise<RelayCampaignResult> {
    const { cycles, seed, report } = this.#options;
    const planCycle = cyclePlanner(seededRandom(seed));
    for (let cycle = 1; cycle <= cycles && this.#failed.size === 0; cycle++) {
      const plan = planCycle();
      const began = performance.now();
      await this.#cycle(plan);
      const isDue = cycle % checkEvery === 0 || cycle === cycles;
      if (isDue) await this.#compare(cycle);
      const ms = Math.round(performance.now() - began);
      report(
        `cycle ${String(cycle).padStart(3)}  seed ${seed}  ${String(ms).padStart(5)} ms  ` +
          `acknowledged ${this.#sent.acked}  ${describe(plan)}${isDue ? `  compared: ${this.#verdict()}` : ''}`,
      );
    }
    const failed = [...this.#failed].slice(0, saidProblems).map((problem) => `seed ${seed}: ${problem}`);
    return {
      failed,
      figures: { ...this.#counts, problems: this.#failed.size, acknowledged: this.#sent.acked },
    };
  }

  #verdict(): string {
    return this.#failed.size === 0 ? 'right' : `${this.#failed.size} problems`;
  }

  async #cycle({ beforeMs, afterMs, fault, subscriberAway }: CyclePlan): Promise<void> {
    this.#retained.set();
    if (subscriberAway) await this.#session.leave();
    await sleep(beforeMs);
    await this.#inflict(fault);
    await sleep(afterMs);
    if (subscriberAway) this.#session.comeBack();
    for (const name of ['agent', 'cloud'] as const) {
      if (this.#world[name].isRunning) continue;
      this.#failed.add(`the ${name} ended by itself:\n${this.#world[name].log}`);
    }
  }

  async #inflict(fault: Fault): Promise<void> {
    const { proxy } = this.#world;
    this.#count(fault.kind);
    switch (fault.kind) {
      case 'none':
        return;
      case 'link':
        return proxy.inflict(fault.fault);
      case 'kill':
        await Promise.all(fault.names.map((name) => this.#world[name].kill()));
        await sleep(fault.downMs);
        await Promise.all(fault.names.map((name) => this.#world[name].start()));
        return;
      case 'diskFull': {
        if (!this.#options.isSmall) {
          this.#count('skipped');
          return;
        }
        await using _ = await fillDisk(this.#options.root);
        await sleep(fault.ms);
        return;
      }
      case 'fsync':
        if (this.#options.canTrace) await this.#failSync(fault.name, fault.nth);
        else this.#count('skipped');
        return;
      default:
        fault satisfies never;
    }
  }

  /** A failed fsync may have lost what a later one would report as written: the process ends and acknowledges nothing more. */
  async #failSync(name: ProcessName, nth: number): Promise<void> {
    const daemon = this.#world[name];
    await using failing = await failSync(daemon.pid, nth, 3000);
    const failed = await failing.failed;
    if (!failed?.isCommit) {
      this.#count(failed ? 'fsyncOfNoCommit' : 'fsyncNotReached');
      // It may go on or not; nothing may be lost by it.
      if (failed && (await daemon.endsWithin(settledWithinMs)) !== undefined) await daemon.start();
      return;
    }
    this.#count('fsyncFailed');
    const how = await daemon.endsWithin(endsWithinMs);
    const lastAckMs = name === 'agent' ? this.#sent.lastAckMs : this.#world.proxy.lastAckMs;
    if (lastAckMs > failed.atMs + ackOnItsWayMs)
      this.#failed.add(
        `the ${name} acknowledged ${Math.round(lastAckMs - failed.atMs)} ms after an fsync had failed`,
      );
    if (how === undefined) this.#failed.add(`the ${name} went on after a failed fsync:\n${daemon.log}`);
    await daemon.kill();
    await daemon.start();
  }

  /** Lets everything arrive and holds it against what was acknowledged. */
  async #compare(cycle: number): Promise<void> {
    for (const publisher of this.#publishers) publisher.pause(true);
    const late = await this.#converge();
    if (late !== undefined) {
      this.#failed.add(`cycle ${cycle}: not there after ${convergeMs} ms: ${late}`);
    } else {
      const { streams } = await this.#world.status();
      const lastSeqs = new Map(streamNames.map((name) => [name, streams[name]?.lastSeq ?? 0]));
      const rows = await this.#world.rows();
      const sent = this.#sent.all();
      const problems = [
        ...checkStored({ rows, sent, lastSeqs }),
        ...checkSession(
          this.#session.received,
          sent.filter(({ stream }) => stream === 'main'),
        ),
        ...this.#session.problems,
        ...streamNames.flatMap((stream) => {
          const ofStream = rows.filter((row) => row.stream === stream);
          return this.#listener.stretches(stream).flatMap((stretch) => checkStretch(stretch, ofStream));
        }),
        ...(await this.#retained.check()),
      ];
      for (const problem of problems) this.#failed.add(`cycle ${cycle}: ${problem}`);
      this.#counts.stored = rows.length;
      this.#counts.gaps = rows.filter(({ gap }) => gap).length;
      this.#counts.inGaps = rows.reduce((sum, { gap }) => sum + (gap?.count ?? 0), 0);
      this.#counts.repeatedSends = sent.reduce((sum, { sends }) => sum + Math.max(0, sends - 1), 0);
      this.#counts.heardInCloud = this.#listener.received;
    }
    for (const publisher of this.#publishers) publisher.pause(false);
  }

  /** What is still not there when the time is over. */
  async #converge(): Promise<string | undefined> {
    const end = performance.now() + convergeMs;
    const main = () => this.#sent.all().filter(({ stream }) => stream === 'main');
    const waits: (() => Promise<string | undefined> | string | undefined)[] = [
      () => {
        const open = this.#publishers.reduce((sum, { unacknowledged }) => sum + unacknowledged, 0);
        return open > 0 ? `${open} messages are not acknowledged` : undefined;
      },
      async () => {
        const { streams, cloud } = await this.#world.status();
        const behind = streamNames.filter((name) => (streams[name]?.backlog ?? 0) > 0);
        const where = cloud.connected ? 'with a link' : `without a link (${cloud.lastError ?? ''})`;
        return behind.length > 0 ? `${behind.join(', ')} wait for the cloud ${where}` : undefined;
      },
      () => checkSession(this.#session.received, main())[0],
    ];
    for (const waiting of waits) {
      for (;;) {
        const late = await waiting();
        if (late === undefined) break;
        if (performance.now() > end) return late;
        await sleep(25);
      }
    }
    return undefined;
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  async #close(): Promise<void> {
    await this.#world.agent.kill();
    const owned = [...this.#publishers, this.#retained, this.#session, this.#listener];
    await Promise.all(owned.map((owner) => owner[Symbol.asyncDispose]()));
  }
}

function describe({ fault, subscriberAway }: CyclePlan): string {
  return `${JSON.stringify(fault)}${subscriberAway ? ' subscriber away' : ''}`;
}
