import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { nodeSqliteDialect } from '../../cloud-sync/control-plane/database/node-sqlite-dialect.ts';
import { silentLogger } from '../../lib/logger.ts';
import { openPosix } from '../../lib/posix.ts';

/**
 * `lost-commits-child.mjs FOLDER agent|cloud`: commits to a database on the disk of `onFailingDisk` until it fails, has the disk grow,
 * commits more, and counts what is there when the system forgot what it remembers. Each is done by a process of its own (a third
 * parameter) that ends by SIGKILL. Prints what came of it as JSON.
 */
const [folder = '', kind = '', step = ''] = process.argv.slice(2);
const root = join(folder, 'disk', 'root');
const path = join(root, 'data', 'local.db');

type Log = {
  append(stream: string, bytes: number): Promise<unknown>;
  count(stream: string): Promise<number>;
};

async function openAgent(): Promise<Log> {
  const store = await LocalStore.open({ root, logger: silentLogger });
  return {
    append: (stream, bytes) => {
      const message = { topic: 'a', payload: Buffer.alloc(bytes, stream) };
      return store.commit([{ op: 'append', stream, time: 0, message }]);
    },
    count: (stream) => Promise.resolve(store.counts.stream(stream).lastSeq),
  };
}

async function openCloud(): Promise<Log> {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Kysely<object>({ dialect: nodeSqliteDialect(path) });
  await sql`create table if not exists messages (stream text, payload blob)`.execute(db);
  return {
    append: (stream, bytes) =>
      sql`insert into messages values (${stream}, ${Buffer.alloc(bytes, stream)})`.execute(db),
    count: async (stream) => {
      const { rows } = await sql`select 1 from messages where stream = ${stream}`.execute(db);
      return rows.length;
    },
  };
}

const open = kind === 'cloud' ? openCloud : openAgent;

async function fill(): Promise<object> {
  const log = await open();
  for (let done = 0; done < 3; done++) await log.append('before', 100);
  try {
    writeFileSync(join(root, 'filler'), Buffer.alloc(64 * 2 ** 20, 'x'), { flush: true });
  } catch {
    // As it should.
  }
  try {
    for (;;) await log.append('lost', 65_536);
  } catch {
    return { failed: true };
  }
}

async function more(): Promise<object> {
  const log = await open();
  for (let done = 0; done < 20; done++) await log.append('after', 100);
  return {};
}

async function count(): Promise<object> {
  rmSync(`${path}-shm`, { force: true });
  for (const name of [path, `${path}-wal`].filter((file) => existsSync(file))) {
    const file = openSync(name, 'r');
    openPosix()?.forgetCached(file);
    closeSync(file);
  }
  const log = await open();
  return { before: await log.count('before'), after: await log.count('after') };
}

const steps: Readonly<Record<string, (() => Promise<object>) | undefined>> = { fill, more, count };
const work = steps[step];
if (work) {
  writeSync(1, JSON.stringify(await work()));
  process.kill(process.pid, 'SIGKILL');
} else {
  const run = (name: string): object => {
    const [program = ''] = process.argv.slice(1);
    // Who looks what there is can have the system forget, whatever the others can.
    const flags = name === 'count' ? ['--disable-warning=ExperimentalWarning'] : process.execArgv;
    const parameters = [...flags, program, folder, kind, name];
    const { stdout, stderr } = spawnSync(process.execPath, parameters, { encoding: 'utf8' });
    if (stdout === '') throw new Error(`The step ${name} failed: ${stderr}`);
    return JSON.parse(stdout) as object;
  };
  mkdirSync(root);
  const first = run('fill');
  execFileSync('mount', ['-o', 'remount,size=120m', join(folder, 'store')]);
  process.stdout.write(JSON.stringify({ ...first, ...run('more'), ...run('count') }));
}
