import { expect, test } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import type { JsonObject } from '../../lib/shadow/json.ts';
import { absentShadow, type Shadow } from '../../lib/shadow/shadow-document.ts';
import {
  acceptedMessage,
  deletedMessage,
  documentMessage,
  rejectedMessage,
  type UpdateRequest,
} from '../../lib/shadow/shadow-messages.ts';
import { noShadow, remove, update } from '../../lib/shadow/shadow-request.ts';
import { seededRandom } from '../../test/support/random.ts';
import { AgentError } from '../errors.ts';
import type { Operation } from '../streams/operations.ts';
import { Routes } from '../triggers/routes.ts';
import { nextUpward } from './replica.ts';
import { ShadowReplicas } from './shadow-replicas.ts';
import { ShadowRequests } from './shadow-requests.ts';
import { ShadowSync } from './shadow-sync.ts';

const names = ['one', 'two'] as const;
const noRoutes = new Routes({ streams: {}, functions: {} });

/** The key-value part of a local store. */
function memoryStore() {
  const values = new Map<string, Uint8Array>();
  return {
    value: (_store: string, key: string) => Promise.resolve(values.get(key)),
    keys: () => Promise.resolve([...values.keys()].toSorted()),
    commit: async (operations: readonly Operation[]) => {
      await Promise.resolve();
      for (const operation of operations) {
        if (operation.op === 'check') {
          const found = values.get(operation.key);
          if (String(found ?? null) !== String(operation.expected))
            throw new AgentError('conflict', 'changed');
        } else if (operation.op === 'put') values.set(operation.key, operation.value);
        else if (operation.op === 'remove') values.delete(operation.key);
      }
    },
  };
}

/** A cloud, and a line to it that loses what it is told to lose. */
class World {
  readonly shadows = new Map<string, Shadow>();
  readonly store = memoryStore();
  readonly up: [tail: string, payload: string][] = [];
  readonly down: [tail: string, payload: string][] = [];
  connected = false;
  time = 1000;
  readonly #connections = new Set<(connected: boolean) => void>();
  readonly #answers = new Set<(tail: string, payload: Uint8Array) => void>();
  replicas!: ShadowReplicas;
  requests!: ShadowRequests;
  sync!: ShadowSync;

  start(): void {
    const now = (): Date => new Date(this.time * 1000);
    this.replicas = new ShadowReplicas({
      ...{ store: this.store, now, routes: () => noRoutes },
      deliver: () => Promise.resolve(),
    });
    this.sync = new ShadowSync({ replicas: this.replicas, logger: silentLogger });
    const onChange = (name: string): void => this.sync.wake(name);
    this.requests = new ShadowRequests({ replicas: this.replicas, onChange, now, logger: silentLogger });
    const isConnected = (): boolean => this.connected;
    this.sync.attach({
      get connected() {
        return isConnected();
      },
      sendShadow: (tail, payload) => {
        this.up.push([tail, payload]);
        return Promise.resolve();
      },
      onShadowAnswer: (listener) => (this.#answers.add(listener), () => this.#answers.delete(listener)),
      onConnectionChange: (listener) => (
        this.#connections.add(listener),
        () => this.#connections.delete(listener)
      ),
    });
  }

  async restart(): Promise<void> {
    this.setConnected(false);
    await this.sync[Symbol.asyncDispose]();
    this.start();
  }

  setConnected(connected: boolean): void {
    this.connected = connected;
    this.up.length = 0;
    this.down.length = 0;
    for (const listener of this.#connections) listener(connected);
  }

  of(name: string): Shadow {
    return this.shadows.get(name) ?? absentShadow;
  }

  /** As an operator or the device. */
  ask(name: string, verb: string, request: UpdateRequest): void {
    const token = request.clientToken;
    const before = this.of(name);
    const outcome =
      verb === 'update'
        ? update(before, request, this.time)
        : remove(before, { name, version: request.version }, this.time);
    if (outcome.rejected) {
      this.#say(`${name}/${verb}/rejected`, rejectedMessage(outcome.rejected, this.time, token));
      return;
    }
    const after = outcome.accepted;
    this.shadows.set(name, after);
    const body = verb === 'update' ? acceptedMessage(request, after) : deletedMessage(after, token);
    this.#say(`${name}/${verb}/accepted`, body);
  }

  cloudTakes(): void {
    const [tail, payload] = this.up.shift() ?? [];
    if (tail === undefined || payload === undefined) return;
    const request = JSON.parse(payload) as UpdateRequest;
    const { clientToken } = request;
    if (tail === 'list') {
      const shadows = [...this.shadows].flatMap(([name, { exists, version, timestamp }]) =>
        exists ? [{ name, version, timestamp }] : [],
      );
      this.#say('list/accepted', { shadows, timestamp: this.time, clientToken });
      return;
    }
    const [name = '', verb = ''] = tail.split('/');
    if (verb !== 'get') {
      this.ask(name, verb, request);
      return;
    }
    const shadow = this.of(name);
    if (shadow.exists) this.#say(`${name}/get/accepted`, documentMessage(shadow, clientToken));
    else this.#say(`${name}/get/rejected`, rejectedMessage(noShadow(name), this.time, clientToken));
  }

  deviceTakes(): void {
    const [tail, payload] = this.down.shift() ?? [];
    if (tail === undefined || payload === undefined) return;
    for (const listener of this.#answers) listener(tail, Buffer.from(payload));
  }

  #say(tail: string, body: object): void {
    if (this.connected) this.down.push([tail, JSON.stringify(body)]);
  }
}

const aWhile = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Delivers all that is said, until nobody says anything. */
async function untilQuiet(world: World): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    while (world.up.length + world.down.length > 0) {
      quiet = 0;
      world.cloudTakes();
      world.deviceTakes();
      await aWhile();
    }
    await aWhile();
  }
}

function randomPatch(random: (below: number) => number): JsonObject {
  const key = 'abc'[random(3)] ?? 'a';
  const kind = random(6);
  if (kind === 0) return { [key]: null };
  if (kind === 1) return { [key]: { x: random(3), y: random(3) } };
  if (kind === 2) return { [key]: { x: null } };
  if (kind === 3) return { [key]: [random(3)] };
  return { [key]: random(4) };
}

async function live(world: World, random: (below: number) => number): Promise<void> {
  const name = names[random(names.length)] ?? 'one';
  world.time += random(2);
  const state = { [random(2) === 0 ? 'desired' : 'reported']: randomPatch(random) };
  switch (random(12)) {
    case 0:
    case 1:
    case 2:
      await world.requests.take({ name, verb: 'update' }, Buffer.from(JSON.stringify({ state })));
      return;
    case 3:
    case 4:
      world.ask(name, 'update', { state });
      return;
    case 5:
      if (random(4) === 0) await world.requests.take({ name, verb: 'delete' }, Buffer.alloc(0));
      return;
    case 6:
      if (random(4) === 0) world.ask(name, 'delete', { state: {} });
      return;
    case 7:
      if (random(3) === 0) (random(2) === 0 ? world.up : world.down).shift();
      return;
    case 8:
      if (random(3) === 0) world.setConnected(!world.connected);
      return;
    case 9:
      if (random(6) === 0) await world.restart();
      else world.setConnected(true);
      return;
    default:
      world.cloudTakes();
      world.deviceTakes();
      await aWhile();
  }
}

test.each([1, 2, 3, 4])(
  'both sides are equal in the end, whatever was changed, cut, lost and restarted (round %i)',
  async (round) => {
    for (let seed = round * 1000; seed < round * 1000 + 60; seed++) {
      const random = seededRandom(seed);
      const world = new World();
      world.start();
      for (let step = 0; step < 150; step++) await live(world, (below) => Math.floor(random() * below));
      world.setConnected(false);
      world.setConnected(true);
      await untilQuiet(world);
      for (const name of names) {
        const replica = await world.replicas.read(name);
        const { exists, state, metadata } = world.of(name);
        expect({ seed, name, ...replica.local }).toMatchObject({ seed, name, exists, state, metadata });
        expect(replica.local.state).toEqual(state);
        expect(nextUpward(replica)).toBeUndefined();
      }
      await world.sync[Symbol.asyncDispose]();
    }
  },
  120_000,
);

test('an update whose answer was lost is not made again', async () => {
  const world = new World();
  world.start();
  world.setConnected(true);
  await untilQuiet(world);
  await world.requests.take({ name: 'one', verb: 'update' }, Buffer.from('{"state":{"reported":{"n":1}}}'));
  await aWhile();
  world.cloudTakes();
  expect(world.of('one').version).toBe(1);
  world.setConnected(false);
  world.setConnected(true);
  await untilQuiet(world);
  expect(world.of('one').version).toBe(1);
  expect(nextUpward(await world.replicas.read('one'))).toBeUndefined();
  await world.sync[Symbol.asyncDispose]();
});

test('a comparison that is not answered, as when the cloud has had too many requests, is tried again', async () => {
  const asked: string[] = [];
  const again = Promise.withResolvers<undefined>();
  const store = memoryStore();
  const deliver = () => Promise.resolve();
  await using sync = new ShadowSync({
    replicas: new ShadowReplicas({ store, now: () => new Date(0), routes: () => noRoutes, deliver }),
    logger: silentLogger,
    patienceMs: 5,
  });
  sync.attach({
    connected: true,
    sendShadow: (tail) => {
      asked.push(tail);
      if (asked.length === 3) again.resolve(undefined);
      return Promise.resolve();
    },
    onShadowAnswer: () => () => undefined,
    onConnectionChange: () => () => undefined,
  });
  await again.promise;
  expect(asked).toEqual(['list', 'list', 'list']);
});
