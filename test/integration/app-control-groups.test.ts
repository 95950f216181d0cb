import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openControlGroups } from '../../agent/apps/run/control-groups.ts';

/** Files of control groups as the kernel shows them, in a folder: version 2 is not on every machine that tests run on. */
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-groups-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, content = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const probe = `cg/holdfast/probe-${process.pid}`;

function unified(): void {
  file('proc/self/mounts', 'cgroup2 /cg cgroup2 rw,nosuid 0 0\n');
  file('cg/cgroup.controllers', 'cpuset cpu io memory pids\n');
  for (const folder of ['cg', 'cg/holdfast']) file(`${folder}/cgroup.subtree_control`);
  for (const name of ['memory.max', 'cpu.max', 'pids.max']) file(`${probe}/${name}`);
}

test('limits are written as version 2 has them, and its count of kills is read', async () => {
  unified();
  for (const name of ['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'])
    file(`cg/holdfast/web-1/${name}`);
  const groups = await openControlGroups(root);
  expect(groups.unenforced).toEqual([]);
  const group = await groups.create('web-1', { memoryBytes: 2 ** 26, cpuCores: 0.5, pids: 10 });
  expect(group.folders).toEqual([join(root, 'cg/holdfast/web-1')]);
  expect(read('cg/holdfast/web-1/memory.max')).toBe('67108864');
  expect(read('cg/holdfast/web-1/memory.swap.max')).toBe('0');
  expect(read('cg/holdfast/web-1/cpu.max')).toBe('50000 100000');
  expect(read('cg/holdfast/web-1/pids.max')).toBe('10');
  file('cg/holdfast/web-1/memory.events', 'low 0\noom 0\noom_kill 0\noom_group_kill 0\n');
  expect(await group.ranOutOfMemory()).toBe(false);
  file('cg/holdfast/web-1/memory.events', 'low 0\noom 3\noom_kill 1\noom_group_kill 0\n');
  expect(await group.ranOutOfMemory()).toBe(true);
});

test('a limit that cannot be set is named with the reason, and the others are set', async () => {
  unified();
  file('cg/cgroup.controllers', 'cpu memory\n');
  rmSync(join(root, probe, 'memory.max'));
  const groups = await openControlGroups(root);
  expect(groups.unenforced).toEqual([
    { limit: 'memory', why: expect.stringContaining(`control groups in ${root}/cg do not work: ENOENT`) },
    { limit: 'pids', why: 'this kernel has no control groups for pids' },
  ]);
  file('cg/holdfast/web-1/cpu.max');
  const group = await groups.create('web-1', { memoryBytes: 2 ** 26, cpuCores: 2, pids: 10 });
  expect(read('cg/holdfast/web-1/cpu.max')).toBe('200000 100000');
  expect(await group.ranOutOfMemory()).toBe(false);
});

test('without control groups there is nothing to enter, and apps run all the same', async () => {
  const groups = await openControlGroups(root);
  expect(groups.unenforced.map(({ limit }) => limit)).toEqual(['memory', 'cpu', 'pids']);
  const group = await groups.create('web-1', { memoryBytes: 2 ** 26, cpuCores: 2, pids: 10 });
  expect(group.folders).toEqual([]);
  expect(await group.processes()).toEqual([]);
  await group.end();
});
