import { describe, expect, jest, test } from '@jest/globals';
import type { InvocationEvent } from '../../agent/triggers/ports.ts';
import {
  bundlesOf,
  connectTo,
  eventually,
  FakeCloud,
  machineWith,
  openDevice,
  temporaryFolder,
  text,
  type Device,
  type Handler,
} from '../support/data-plane.ts';
import { publish, state, status, textOf } from '../support/device-function.ts';

jest.setTimeout(60_000);

const signal = AbortSignal.timeout(60_000);
const invoke = (device: Device) => device.plane.invoke('fn', null, { signal });

describe('dead letters', () => {
  const sections = {
    streams: { graves: { topics: ['graves/#'], relay: {} } },
    functions: { fn: { on: [{ mqtt: 'in' }], retries: 1, deadLetter: 'graves' } },
  };

  test('come after as many retries as the manifest says, in their stream too, and go back when asked', async () => {
    const seen: string[] = [];
    let healed = false;
    const handlers = {
      fn: (event: InvocationEvent) => {
        seen.push(textOf(event));
        if (textOf(event) === 'bad' && !healed) throw Object.assign(new Error('no'), { code: 'threw' });
      },
    };
    await using device = await openDevice(sections, { handlers });
    const cloud = new FakeCloud();
    device.plane.attachUplink(cloud);
    await publish(device, 'in', ['bad', 'good']);
    await eventually(() => status(device).queued === 0);
    expect(seen).toEqual(['bad', 'bad', 'good']);
    expect(status(device).deadLetters).toBe(1);
    await eventually(() => cloud.rows('graves').length === 1);
    const [row] = cloud.rows('graves');
    const letter = row && 'payload' in row ? (JSON.parse(text(row.payload)) as Record<string, unknown>) : {};
    expect(letter).toMatchObject({ source: '/functions/fn', attempts: 2, data_base64: btoa('bad') });
    const { letters } = await device.plane.functions.deadLetters('fn', 0);
    expect(letters).toMatchObject([{ topic: 'in', attempts: 2, error: { code: 'threw', message: 'no' } }]);
    healed = true;
    expect(await device.plane.functions.redeliver('fn', { ids: undefined })).toBe(1);
    await eventually(() => seen.length === 4);
    await eventually(() => status(device).queued === 0);
    expect(status(device).deadLetters).toBe(0);
  });

  test('are discarded by their ids, and an id that is none is named', async () => {
    const handlers = { fn: () => Promise.reject(Object.assign(new Error('no'), { code: 'noHandler' })) };
    await using device = await openDevice(sections, { handlers });
    await publish(device, 'in', ['a', 'b']);
    await eventually(() => status(device).deadLetters === 2);
    const { functions } = device.plane;
    await expect(functions.discard('fn', { ids: [99] })).rejects.toMatchObject({
      code: 'unknownDeadLetter',
      message: 'There is no dead letter 99 of the function fn',
    });
    const first = (await functions.deadLetters('fn', 0)).letters[0]?.id ?? 0;
    expect(await functions.discard('fn', { ids: [first] })).toBe(1);
    expect(status(device).deadLetters).toBe(1);
    expect(await functions.discard('fn', { ids: undefined })).toBe(1);
    expect((await functions.deadLetters('fn', 0)).letters).toEqual([]);
  });
});

describe('a pause', () => {
  test('keeps events and refuses calls, over a restart, until it is resumed', async () => {
    await using folder = await temporaryFolder();
    const seen: string[] = [];
    const handlers = { fn: (event: InvocationEvent) => void seen.push(textOf(event)) };
    const sections = { functions: { fn: { on: [{ mqtt: 'in' }] } } };
    {
      await using device = await openDevice(sections, { handlers, root: folder.path });
      await expect(device.plane.functions.pause('nobody', 'x')).rejects.toMatchObject({
        code: 'unknownFunction',
      });
      await device.plane.functions.pause('fn', 'repairs');
      await publish(device, 'in', ['a']);
      expect(status(device)).toMatchObject({ queued: 1, paused: { reason: 'repairs', until: null } });
      expect(state(device)).toMatchObject({ state: 'paused', message: 'Paused: repairs' });
      await expect(invoke(device)).rejects.toMatchObject({ code: 'paused' });
    }
    await using device = await openDevice(sections, { handlers, root: folder.path });
    await publish(device, 'in', ['b']);
    expect([seen, status(device).queued]).toEqual([[], 2]);
    await device.plane.functions.resume('fn');
    await eventually(() => status(device).queued === 0);
    expect(seen).toEqual(['a', 'b']);
    expect(state(device)?.state).toBe('running');
  });

  test('by the operator leaves the budget as it is when it ends', async () => {
    const sections = { functions: { fn: { budget: { invocations: '1/day' } } } };
    await using device = await openDevice(sections, { handlers: { fn: () => 1 } });
    await device.plane.functions.pause('fn', 'repairs');
    await device.plane.functions.resume('fn');
    await invoke(device);
    await expect(invoke(device)).rejects.toMatchObject({ code: 'paused' });
  });
});

describe('a budget', () => {
  const budget = { invocations: '3/day', onExceeded: 'pause' };

  test('that is used up pauses the function until the next day, over a restart', async () => {
    await using folder = await temporaryFolder();
    let time = Date.parse('2026-01-31T10:00:00Z');
    const now = (): Date => new Date(time);
    const seen: string[] = [];
    const handlers = { fn: (event: InvocationEvent) => void seen.push(textOf(event)) };
    const sections = { functions: { fn: { on: [{ mqtt: 'in' }], budget } } };
    const options = { handlers, root: folder.path, now };
    {
      await using device = await openDevice(sections, options);
      await publish(device, 'in', ['1', '2', '3', '4', '5']);
      await eventually(() => state(device)?.state === 'paused');
      expect(seen).toEqual(['1', '2', '3']);
      expect(state(device)?.message).toBe(
        'Paused until 2026-02-01T00:00:00.000Z: the budget of 3 invocations a day is used up',
      );
      await expect(invoke(device)).rejects.toMatchObject({ code: 'paused' });
    }
    await using device = await openDevice(sections, options);
    expect(status(device)).toMatchObject({ queued: 2, budget: { day: '2026-01-31', invocations: 3 } });
    time = Date.parse('2026-02-01T00:00:01Z');
    await publish(device, 'in', ['6']);
    await eventually(() => seen.length === 6);
    expect(seen).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  test('is lifted for the rest of the day by a resume, and whoever reports the state is told', async () => {
    const sections = { functions: { fn: { on: [{ mqtt: 'in' }], budget } } };
    await using device = await openDevice(sections, { handlers: { fn: () => 1 } });
    const states: unknown[] = [];
    device.plane.onComponentsChange(() => states.push(state(device)?.state));
    for (let count = 0; count < 3; count++) await invoke(device);
    await expect(invoke(device)).rejects.toMatchObject({ code: 'paused' });
    await eventually(() => states.length === 1);
    await device.plane.functions.resume('fn');
    await invoke(device);
    expect(status(device)).toMatchObject({ paused: null, budget: { invocations: 4, lifted: true } });
    await eventually(() => states.length === 2);
    expect(states).toEqual(['paused', 'running']);
  });

  test('can drop events instead, and counts them', async () => {
    const seen: string[] = [];
    const handlers = { fn: (event: InvocationEvent) => void seen.push(textOf(event)) };
    const drops = { ...budget, onExceeded: 'drop' };
    await using device = await openDevice(
      { functions: { fn: { on: [{ mqtt: 'in' }], budget: drops } } },
      { handlers },
    );
    await publish(device, 'in', ['1', '2', '3', '4', '5']);
    await eventually(() => status(device).queued === 0);
    expect(seen).toEqual(['1', '2', '3']);
    expect(status(device)).toMatchObject({ deadLetters: 0, budget: { dropped: 2 }, paused: { drops: true } });
  });

  test.each([
    ['egress', { egress: '1KiB/day' }, { cpuMs: 0, egressBytes: 600 }],
    ['processor time', { cpu: '1s/day' }, { cpuMs: 600, egressBytes: 0 }],
  ])('counts %s, of what failed too', async (_, limit, usage) => {
    let fails = false;
    const fn = (): void => {
      if (fails) throw Object.assign(new Error('no'), { code: 'threw', usage });
    };
    await using device = await openDevice({ functions: { fn: { budget: limit } } }, { handlers: { fn } });
    device.runtime.usage = usage;
    await invoke(device);
    fails = true;
    await expect(invoke(device)).rejects.toMatchObject({ code: 'threw' });
    fails = false;
    await expect(invoke(device)).rejects.toMatchObject({ code: 'paused' });
    expect(status(device).budget).toMatchObject({ invocations: 2 });
  });
});

describe('a queue', () => {
  const consumer = (queue: object, change: object = {}) => ({
    functions: {
      fn: { on: [{ queue: 'jobs', ...queue }], ...change },
      sender: { bindings: { JOBS: { queue: 'jobs' } } },
    },
  });

  function recorder(answer: (ids: readonly string[], bodies: readonly string[]) => unknown) {
    const batches: string[][] = [];
    const attempts: number[][] = [];
    return {
      batches,
      attempts,
      handlers: {
        sender: (event: InvocationEvent, effects: Parameters<Device['runtime']['invoke']>[2]) => {
          const bodies = event.kind === 'invoke' ? (event.payload as string[]) : [];
          for (const body of bodies) {
            const [value = '', delay = '0'] = body.split('@');
            void effects.queueSend('jobs', { body: Buffer.from(value), delayMs: Number(delay) });
          }
        },
        fn: (event: InvocationEvent) => {
          if (event.kind !== 'queue') throw new Error(event.kind);
          const bodies = event.messages.map(({ body }) => text(body));
          batches.push(bodies);
          attempts.push(event.messages.map((message) => message.attempts));
          return answer(
            event.messages.map(({ id }) => id),
            bodies,
          );
        },
      },
    };
  }

  const send = (device: Device, ...bodies: string[]) => device.plane.invoke('sender', bodies, { signal });

  test('gives its messages in batches of at most the size that is asked for', async () => {
    const { batches, handlers } = recorder(() => undefined);
    await using device = await openDevice(consumer({ batch: 2 }), { handlers });
    await device.plane.functions.pause('fn', 'until all are there');
    await send(device, 'a', 'b', 'c');
    await device.plane.functions.resume('fn');
    await eventually(() => status(device).queued === 0);
    expect(batches).toEqual([['a', 'b'], ['c']]);
  });

  test('delivers again what the answer asks for, and only that; the rest is done', async () => {
    let tries = 0;
    const { batches, attempts, handlers } = recorder((ids, bodies) => {
      const at = bodies.indexOf('bad');
      tries++;
      return tries < 3 ? { retry: [{ id: ids[at], delayMs: 20 }] } : undefined;
    });
    await using device = await openDevice(consumer({ batch: 10 }), { handlers });
    await send(device, 'good', 'bad');
    await eventually(() => status(device).queued === 0);
    expect(batches).toEqual([['good', 'bad'], ['bad'], ['bad']]);
    expect(attempts).toEqual([[1, 1], [2], [3]]);
  });

  test('that moves to another function while its messages run has each of them once', async () => {
    const release = Promise.withResolvers<undefined>();
    const ran: string[] = [];
    const { handlers } = recorder(() => undefined);
    const work = (name: string, wait: () => Promise<unknown>): Handler => {
      return async (event, effects) => {
        if (event.kind !== 'queue') throw new Error(event.kind);
        for (const { body } of event.messages) ran.push(`${name} ${text(body)}`);
        await wait();
        for (const { body } of event.messages)
          await effects.publish({ topic: 'done', payload: body, qos: 0, retain: false });
      };
    };
    const both = {
      ...handlers,
      fn: work('fn', () => release.promise),
      other: work('other', () => Promise.resolve()),
    };
    const sections = (fn: object, other: object) => ({
      streams: { done: { topics: ['done'] } },
      functions: { ...consumer({}).functions, fn: { on: [fn] }, other: { on: [other] } },
    });
    const [idle, jobs] = [{ mqtt: 'idle' }, { queue: 'jobs', batch: 1 }];
    await using device = await openDevice(sections(jobs, idle), { handlers: both });
    await send(device, 'a', 'b', 'c');
    await eventually(() => ran.length === 1);
    const machine = await machineWith(sections(idle, jobs));
    await device.plane.configure(machine, bundlesOf(machine));
    await eventually(() => status(device, 'other').queued === 0);
    release.resolve(undefined);
    await eventually(() => status(device).inFlight === 0);
    expect(ran).toEqual(['fn a', 'other a', 'other b', 'other c']);
    expect(device.plane.status().streams.done?.lastSeq).toBe(3);
  });

  test('buries what is asked for again too often', async () => {
    const { batches, handlers } = recorder((ids) => ({ retry: ids.map((id) => ({ id, delayMs: 1 })) }));
    await using device = await openDevice(consumer({}, { retries: 2 }), { handlers });
    await send(device, 'a');
    await eventually(() => status(device).deadLetters === 1);
    expect(batches).toEqual([['a'], ['a'], ['a']]);
    const { letters } = await device.plane.functions.deadLetters('fn', 0);
    expect(letters).toMatchObject([{ kind: 'queue', topic: 'jobs', error: { code: 'retriesUsed' } }]);
  });

  test('delivers a whole batch again when the invocation fails', async () => {
    let fails = true;
    const { batches, handlers } = recorder(() => {
      if (!fails) return undefined;
      fails = false;
      throw Object.assign(new Error('no'), { code: 'threw' });
    });
    await using device = await openDevice(consumer({ batch: 5 }), { handlers });
    await device.plane.functions.pause('fn', 'until all are there');
    await send(device, 'a', 'b');
    await device.plane.functions.resume('fn');
    await eventually(() => status(device).queued === 0);
    expect(batches[0]).toEqual(['a', 'b']);
    expect(batches.slice(1).flat().sort()).toEqual(['a', 'b']);
  });

  test('keeps a delayed message until its time, over a restart, while others pass', async () => {
    await using folder = await temporaryFolder();
    let time = Date.parse('2026-01-31T10:00:00Z');
    const options = { root: folder.path, now: (): Date => new Date(time) };
    const { batches, handlers } = recorder(() => undefined);
    {
      await using device = await openDevice(consumer({}), { ...options, handlers });
      await send(device, 'late@3600000', 'soon');
      await eventually(() => status(device).queued === 1);
      expect(batches).toEqual([['soon']]);
    }
    await using device = await openDevice(consumer({}), { ...options, handlers });
    await send(device, 'next');
    await eventually(() => batches.length === 2);
    time += 3_600_000;
    await send(device, 'last');
    await eventually(() => status(device).queued === 0);
    expect(batches.flat().sort()).toEqual(['last', 'late', 'next', 'soon']);
  });

  test('waits for a full batch as long as it may', async () => {
    const { batches, handlers } = recorder(() => undefined);
    await using device = await openDevice(consumer({ batch: 3, wait: '1m' }), { handlers });
    await send(device, 'a');
    await send(device, 'b');
    expect(batches).toEqual([]);
    await send(device, 'c');
    await eventually(() => batches.length === 1);
    expect(batches).toEqual([['a', 'b', 'c']]);
  });
});

test('fifty new versions under a stream of messages lose none and repeat none', async () => {
  const seen: string[] = [];
  const handlers = {
    fn: async (event: InvocationEvent) => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(textOf(event));
    },
  };
  const sections = { functions: { fn: { on: [{ mqtt: 'in' }], limits: { concurrency: 8 } } } };
  await using device = await openDevice(sections, { handlers });
  const machine = await machineWith(sections);
  await using sensor = await connectTo(device.plane.mqtt.port);
  const sent: string[] = [];
  const publishing = (async () => {
    for (let number = 0; number < 500; number++) {
      sent.push(String(number));
      await sensor.client.publishAsync('in', String(number), { qos: 1 });
    }
  })();
  for (let version = 1; version <= 50; version++)
    await device.plane.configure(machine, bundlesOf(machine, String(version)));
  await publishing;
  await eventually(() => status(device).queued === 0);
  expect(seen.toSorted()).toEqual(sent.toSorted());
  expect(device.runtime.log.filter((line) => line === 'deploy fn')).toHaveLength(51);
});
