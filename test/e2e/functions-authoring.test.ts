import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { builtProgram } from '../support/built-program.ts';
import { nodeFlags, runCli, temporaryFolder } from '../support/cli.ts';
import { eventually } from '../support/cloud.ts';
import { descendantsOf, isRunning } from '../support/processes.ts';

jest.setTimeout(180_000);

type Line = Readonly<Record<string, unknown>>;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

const project = (name: string) => join(folder.path, name);
const create = (name: string, template: string) =>
  runCli(['functions', 'new', name, '--template', template, '--dir', project(name)]);

describe('holdfast functions new', () => {
  test.each(['module', 'lambda', 'wasm'])(
    'writes a %s whose own test passes with nothing installed',
    async (template) => {
      expect(await create('mine', template)).toMatchObject({ code: 0, stderr: '' });
      expect(await runCli(['validate', join(project('mine'), 'machine.yaml')])).toMatchObject({ code: 0 });
      const tested = await runCli(['functions', 'test', project('mine'), '--json']);
      const outcomes = tested.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Line).outcome);
      expect([tested.code, new Set(outcomes)]).toEqual([0, new Set(['passed'])]);
    },
  );

  test('leaves a folder with something in it alone', async () => {
    await writeFile(join(folder.path, 'mine'), 'precious');
    expect(await create('mine', 'module')).toMatchObject({ code: 8 });
    expect(await runCli(['functions', 'new', 'mine', '--dir', folder.path, '--json'])).toMatchObject({
      code: 8,
    });
    expect(await readFile(join(folder.path, 'mine'), 'utf8')).toBe('precious');
  });
});

test('a test that fails is told, and is the exit code', async () => {
  await create('mine', 'module');
  const entry = join(project('mine'), 'index.ts');
  await writeFile(entry, (await readFile(entry, 'utf8')).replace('- 32', '- 31'));
  const tested = await runCli(['functions', 'test', project('mine')]);
  expect(tested).toMatchObject({ code: 1, stderr: 'error: Not every test passed.\n' });
  expect(tested.stdout).toMatch(/celsius: 20\.6/);
});

test('a folder without tests is no success', async () => {
  await writeFile(join(folder.path, 'index.ts'), 'export default {};');
  expect(await runCli(['functions', 'test', folder.path])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('There are no tests below this folder.'),
  });
});

/** `holdfast functions dev --json` and its lines. */
class Dev implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  constructor(parameters: readonly string[], cwd: string) {
    this.child = spawn(
      process.execPath,
      [...nodeFlags, builtProgram(), 'functions', 'dev', '--port', '0', '--json', ...parameters],
      { cwd, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#ended = new Promise((resolve) => this.child.once('close', resolve));
    void this.#ended.then(() => {
      for (const look of [...this.#waiting]) look();
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      for (const look of [...this.#waiting]) look();
    });
  }

  /** The first line like this, of those that came and that come. */
  async line(like: Line): Promise<Line> {
    for (;;) {
      const found = this.lines.find((line) =>
        Object.entries(like).every(([key, value]) => JSON.stringify(line[key]) === JSON.stringify(value)),
      );
      if (found) {
        this.lines.splice(0, this.lines.indexOf(found) + 1);
        return found;
      }
      const { exitCode, signalCode } = this.child;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`it ended without ${JSON.stringify(like)}: ${JSON.stringify(this.lines)}`);
      }
      await new Promise<void>((resolve) => {
        const look = () => {
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await this.#ended;
    }
  }
}

/** At once: what is read while it is half written is refused too, and not for what is looked for. */
async function replace(path: string, content: string): Promise<void> {
  const other = join(folder.path, 'written');
  await writeFile(other, content);
  await rename(other, path);
}

describe('holdfast functions dev', () => {
  test('runs each change, survives what is wrong, and leaves no process behind', async () => {
    await create('mine', 'module');
    await using dev = new Dev([], project('mine'));
    const { url } = await dev.line({ event: 'ready' });
    const call = async (path: string, body: unknown) => {
      const response = await fetch(`${String(url)}/cdn-cgi/handler/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const reading = 'message?topic=sensors/roof/temperature';
    expect(await call(reading, { fahrenheit: 68 })).toMatchObject({ status: 200, ok: true });
    expect(await dev.line({ event: 'published' })).toMatchObject({
      topic: 'site/temperature',
      payload: '{"sensor":"roof","celsius":20}',
    });

    const entry = join(project('mine'), 'index.ts');
    const good = await readFile(entry, 'utf8');
    await replace(entry, good.replace('console.log(`', 'console.log(`changed: '));
    await dev.line({ event: 'built' });
    await call(reading, { fahrenheit: 68 });
    expect(await dev.line({ event: 'log' })).toMatchObject({ message: 'changed: roof: 20 °C' });

    await replace(entry, `${good}\nsyntax error`);
    expect(await dev.line({ event: 'refused', code: 'buildFailed' })).toMatchObject({
      message: expect.stringMatching(/index\.ts:\d+:8: Expected ";"/),
    });
    await replace(entry, `${good}\nthrow new Error('top');`);
    expect(await dev.line({ event: 'refused', code: 'badBundle' })).toMatchObject({
      stack: expect.stringMatching(/^Error: top\n {4}at index\.ts:\d+:7$/),
    });
    expect(await call('invoke', 'roof')).toMatchObject({ value: { sensor: 'roof', celsius: 20 } });

    await replace(entry, good);
    await dev.line({ event: 'built' });
    expect(await call(reading, {})).toMatchObject({ status: 500, ok: false });
    expect(await dev.line({ event: 'invocation', ok: false })).toMatchObject({
      code: 'threw',
      stack: expect.stringMatching(/fahrenheit is not a number\n {4}at .*index\.ts:10:45/),
    });

    const children = await descendantsOf(dev.child.pid!);
    expect(await Promise.all(children.map(isRunning))).toContain(true);
    expect(await dev.stop()).toBe(0);
    // The kernel ends what was killed a little later.
    await eventually(async () => !(await Promise.all(children.map(isRunning))).includes(true));
  });

  test('says of a call that nothing could be built yet', async () => {
    await create('unbuilt', 'module');
    await writeFile(join(project('unbuilt'), 'index.ts'), 'syntax error');
    await using dev = new Dev([], project('unbuilt'));
    const { url } = await dev.line({ event: 'ready' });
    const response = await fetch(`${String(url)}/cdn-cgi/handler/invoke`, { method: 'POST', body: '1' });
    expect(response.status).toBe(500);
    expect(await dev.line({ event: 'invocation', ok: false })).toMatchObject({
      code: 'notDeployed',
      message: 'No version of unbuilt could be built and loaded yet',
      hint: expect.stringContaining('refused above'),
    });
  });

  test('sees tsconfig.json come, change and go, and what it extends; a broken one is a refused build', async () => {
    const at = (name: string) => join(folder.path, name);
    await writeFile(at('package.json'), '{}');
    await writeFile(at('index.js'), "import it from '@it'; export default { invoke: () => it };");
    for (const name of ['one', 'two']) await writeFile(at(`${name}.js`), `export default '${name}';`);
    const pathTo = (name: string) =>
      JSON.stringify({ compilerOptions: { paths: { '@it': [`./${name}.js`] } } });
    await writeFile(at('tsconfig.json'), '{ "compilerOptions": }');
    await using dev = new Dev(['.'], folder.path);
    const isRefused = async (message: RegExp) =>
      expect(await dev.line({ event: 'refused', code: 'buildFailed' })).toMatchObject({
        message: expect.stringMatching(message),
      });
    await isRefused(/^Cannot build with .*tsconfig\.json: /);
    const { url } = await dev.line({ event: 'ready' });
    const isBuilt = async (value: string) => {
      await dev.line({ event: 'built' });
      const response = await fetch(`${String(url)}/cdn-cgi/handler/invoke`, { method: 'POST' });
      expect(await response.json()).toMatchObject({ value });
    };

    await replace(at('tsconfig.json'), pathTo('one'));
    await isBuilt('one');
    await replace(at('tsconfig.json'), '{ "extends": "./base.json" }');
    await isRefused(/Could not resolve "@it"/);
    await replace(at('base.json'), pathTo('two'));
    await isBuilt('two');
    await replace(at('base.json'), pathTo('one'));
    await isBuilt('one');
    await replace(at('base.json'), '{');
    await isRefused(/^Cannot build with .*base\.json: /);
    await replace(at('base.json'), pathTo('two'));
    await isBuilt('two');
    await replace(at('two.js'), "export default 'changed';");
    await isBuilt('changed');
    await rm(at('tsconfig.json'));
    await isRefused(/Could not resolve "@it"/);
    expect(await dev.stop()).toBe(0);
  });

  test('what a function sends to a queue of its own comes back, again where it asks for that', async () => {
    const source = `export default {
      async fetch(request, env) {
        await env.JOBS.sendBatch([{ body: 'one' }, { body: 'two' }]);
        return new Response(await env.API_KEY, { status: 202 });
      },
      queue(batch) {
        for (const message of batch.messages) {
          console.log(message.body, message.attempts);
          if (message.body === 'two' && message.attempts === 1) message.retry();
        }
      },
    };`;
    const manifest = `apiVersion: holdfast/v1
kind: Machine
metadata: { name: kiosk-1 }
functions:
  jobs:
    bundle: functions/jobs:latest
    on: [{ http: /start, methods: [GET] }, { queue: jobs }]
    bindings: { JOBS: { queue: jobs }, API_KEY: { secret: key } }
`;
    await writeFile(join(folder.path, 'index.js'), source);
    await writeFile(join(folder.path, 'machine.yaml'), manifest);
    await writeFile(join(folder.path, '.dev.vars'), 'API_KEY="from the file"\n');
    await using dev = new Dev(['.'], folder.path);
    const { url } = await dev.line({ event: 'ready' });
    const response = await fetch(`${String(url)}/start`);
    expect([response.status, await response.text()]).toEqual([202, 'from the file']);
    for (const message of ['one 1', 'two 1', 'two 2']) {
      expect(await dev.line({ event: 'log', message })).toBeDefined();
    }
    expect((await fetch(`${String(url)}/elsewhere`)).status).toBe(404);
    const posted = await fetch(`${String(url)}/start`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(
      (await fetch(`${String(url)}/start`, { headers: { origin: 'https://evil.example' } })).status,
    ).toBe(400);
    expect(await dev.stop()).toBe(0);
  });

  test('events of a file run after each build', async () => {
    await create('mine', 'module');
    const events = join(folder.path, 'events.json');
    const event = { kind: 'message', topic: 'sensors/a/temperature', body: { fahrenheit: 212 } };
    await writeFile(events, JSON.stringify([event, { kind: 'invoke', payload: 'a' }]));
    await using dev = new Dev(['--event', events], project('mine'));
    expect(await dev.line({ event: 'invocation', kind: 'invoke' })).toMatchObject({
      value: { celsius: 100 },
    });
    const entry = join(project('mine'), 'index.ts');
    await replace(entry, `${await readFile(entry, 'utf8')}\n`);
    expect(await dev.line({ event: 'invocation', kind: 'invoke' })).toMatchObject({
      value: { celsius: 100 },
    });
    expect(await dev.stop()).toBe(0);
  });

  test('says at the start which secrets are missing; a port that is taken is told with what to do', async () => {
    const manifest = `apiVersion: holdfast/v1
kind: Machine
metadata: { name: kiosk-1 }
functions:
  keyed: { bundle: functions/keyed:latest, bindings: { API_KEY: { secret: key } } }
`;
    await writeFile(join(folder.path, 'index.js'), 'export default { invoke: () => 1 };');
    await writeFile(join(folder.path, 'machine.yaml'), manifest);
    await using dev = new Dev(['.'], folder.path);
    const ready = await dev.line({ event: 'ready' });
    expect(ready).toMatchObject({ missingSecrets: ['key'] });
    const { port } = new URL(String(ready.url));
    expect(await runCli(['functions', 'dev', folder.path, '--port', port])).toMatchObject({
      code: 8,
      stderr: expect.stringContaining(`Port ${port} is in use.\nhint: Choose another by --port`),
    });
  });

  test('a file of events that is none is refused by name', async () => {
    await create('mine', 'module');
    const events = join(folder.path, 'events.json');
    await writeFile(events, '{"kind":"mesage"}');
    const { code, stderr } = await runCli([
      'functions',
      'dev',
      project('mine'),
      '--event',
      events,
      '--port',
      '0',
    ]);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/events\.json holds no event: 0\.kind/)]);
  });
});
