import { expect, test } from '@jest/globals';
import type { Reported } from '../../cloud-sync/protocol/messages.ts';
import { json, manifestFor, report, startCloud, subscribe, type Link } from '../support/cloud.ts';

async function say(link: Link, seq: number, said: Partial<Reported>): Promise<void> {
  await link.send(link.topics.reported, { ...report(seq), ...said });
  expect(json(await link.next(link.topics.reportedAck))).toEqual({ seq });
}

const desiredBy = async (link: Link): Promise<unknown> => json(await link.next(link.topics.desired));

test('a staged deploy is held, and activating it, also twice, lets it go live', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await subscribe(await device.connect());
  const { unchanged: _, ...held } = await cloud.operator.deploy('a', manifestFor('a'), { stage: true });
  expect(held).toMatchObject({ generation: 1, hold: true });
  expect(await desiredBy(link)).toEqual(held);
  await expect(device.api.desired()).resolves.toEqual(held);
  const { hold: _hold, ...pointer } = held;
  for (let time = 0; time < 2; time++) {
    await expect(cloud.operator.activate('a')).resolves.toEqual({ ...pointer, now: true });
    expect(await desiredBy(link)).toEqual({ ...pointer, now: true });
  }
  // What goes live is never held back again.
  await expect(cloud.operator.deploy('a', manifestFor('a'), { stage: true })).resolves.toMatchObject({
    ...pointer,
    ...{ now: true, unchanged: true },
  });
  await cloud.restart();
  await using later = await subscribe(await device.connect());
  expect(await desiredBy(later)).toEqual({ ...pointer, now: true });
});

test('a plain deploy of what is held lets it go live as its windows say', async () => {
  await using cloud = await startCloud();
  await cloud.enrol('a');
  await cloud.operator.deploy('a', manifestFor('a'), { stage: true });
  const eased = await cloud.operator.deploy('a', manifestFor('a'));
  expect(eased).toMatchObject({ generation: 1, unchanged: true });
  expect(eased).not.toHaveProperty('hold');
});

test('what is not desired cannot be activated, and nothing is both staged and live', async () => {
  await using cloud = await startCloud();
  await cloud.enrol('a');
  await expect(cloud.operator.activate('a')).rejects.toMatchObject({ code: 'notFound' });
  await cloud.operator.deploy('a', manifestFor('a'));
  await expect(cloud.operator.activate('a', { generation: 7 })).rejects.toMatchObject({ code: 'conflict' });
  const both = cloud.operator.deploy('a', manifestFor('a'), { stage: true, now: true });
  await expect(both).rejects.toMatchObject({ code: 'badRequest' });
});

test('generations are listed with what became of them, and a rollback skips those that failed', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await subscribe(await device.connect());
  const manifests = ['one', 'two', 'three'].map((site) => manifestFor('a', { site }));
  const conditions = [{ type: 'RolledBack', status: true, reason: 'unhealthy', message: 'web answered 500' }];
  for (const [index, bytes] of manifests.entries()) {
    const generation = index + 1;
    await cloud.operator.deploy('a', bytes);
    const phases = generation === 2 ? ['verifying', 'rolledBack'] : ['staged', 'committed'];
    for (const [step, phase] of phases.entries()) {
      const said = { observed: generation, applied: generation, phase: phase as Reported['phase'] };
      await say(link, 10 * generation + step, phase === 'rolledBack' ? { ...said, conditions } : said);
    }
  }
  const listed = await cloud.operator.generations('a');
  expect(listed.map(({ generation, phase, reason }) => [generation, phase, reason])).toEqual([
    [3, 'committed', null],
    [2, 'rolledBack', 'web answered 500'],
    [1, 'committed', null],
  ]);
  await expect(cloud.operator.generations('a', { limit: 1 })).resolves.toHaveLength(1);
  const first = listed.at(-1);
  await expect(cloud.operator.rollback('a', { now: true })).resolves.toMatchObject({
    ...{ generation: 4, digest: first?.digest, restored: 1, now: true, unchanged: false },
  });
  await expect(cloud.operator.rollback('a', { to: 3 })).resolves.toMatchObject({
    generation: 5,
    restored: 3,
  });
  await expect(cloud.operator.rollback('a', { to: 9 })).rejects.toMatchObject({ code: 'notFound' });
});
