import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** What web APIs ask of the host reaches no tenant, and costs him what it costs. [G6] */
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

async function run(body: string, limits = {}): Promise<unknown> {
  await sandbox.deploy('probe', `async invoke() { ${body} }`, { limits });
  return sandbox.invoke('probe');
}

/** Uses everything that asks the host. */
const useAll = `
  const use = async () => {
    new URL('http://a/?b').searchParams.append('c', 'd'); URL.canParse('x'); crypto.randomUUID(); crypto.getRandomValues(new Uint8Array(5000));
    new TextDecoder('gbk').decode(new Uint8Array([0xc4, 0xe3])); new URLPattern({ pathname: '/:x' }); new CompressionStream('gzip');
    await crypto.subtle.digest('SHA-256', new Uint8Array(3)); await new Response(new ReadableStream({ start(c) { c.close(); } })).text();
    reportError(1); console.table([1]); AbortSignal.timeout(1); structuredClone({ a: 1 }); await new Promise((resolve) => setTimeout(resolve, 1));
  };`;

test('the way to the host is never shown to builtins that were replaced', async () => {
  const body = `${useAll}
    const { apply, construct, ownKeys, getOwnPropertyDescriptor, defineProperty } = Reflect; const caught = []; const { log } = console;
    const keep = (value) => { if (typeof value === 'function' && caught.length < 20000) caught[caught.length] = value; };
    const spy = (owner) => { for (const key of ownKeys(owner)) { const p = getOwnPropertyDescriptor(owner, key); if (!p?.configurable || typeof p.value !== 'function' || key === 'constructor') continue;
      const old = p.value;
      const replaced = function (...args) { keep(this); for (let n = 0; n < args.length; n++) keep(args[n]); return new.target ? construct(old, args, new.target) : apply(old, this, args); };
      defineProperty(owner, key, { value: replaced, writable: true, configurable: true }); } };
    for (const owner of [Reflect, Function.prototype, Object, JSON, Promise.prototype, Array.prototype, String.prototype, Map.prototype, Set.prototype, WeakMap.prototype, RegExp.prototype, Math, Date]) spy(owner);
    defineProperty(globalThis, 'Function', { value: function (...args) { keep(args[0]); return function () {}; }, configurable: true });
    await use().catch(() => 0);
    let leaks = 0;
    for (let n = 0; n < caught.length; n++) {
      const f = caught[n];
      try { const got = f('random', 8); if (got instanceof Uint8Array && got.length === 8) leaks++; } catch {}
      try { const got = f('url', 'http://leak.example/', ''); if (typeof got === 'string' && got.indexOf('leak.example') >= 0) leaks++; } catch {}
    }
    log(leaks, caught.length > 100);`;
  // Among what was caught are the resolvers of its own promise: only the log says what was found.
  await run(body).catch((error: unknown) => error);
  expect(sandbox.logs.map(({ message }) => message)).toContain('0 true');
});

test('no object of the host comes back from what it is asked', async () => {
  const body = `${useAll} await use();
    const foreign = (value) => { try { return value.constructor.constructor('return typeof process + typeof Buffer')() !== 'objectundefined' && value.constructor.constructor !== Function; } catch { return false; } };
    const values = [crypto.getRandomValues(new Uint8Array(5000)), await crypto.subtle.digest('SHA-1', new Uint8Array(1)), new TextDecoder('gbk').decode(new Uint8Array(2)), new URLPattern(), new ReadableStream(), await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])];
    for (const wrong of [() => crypto.subtle.digest('MD5', new Uint8Array(1)), () => new URL('x'), () => crypto.subtle.importKey('raw', new Uint8Array(1), 'AES-GCM', true, ['encrypt'])]) try { await wrong(); } catch (error) { values.push(error, error.constructor); }
    return values.map(foreign);`;
  expect(await run(body)).toEqual(Array.from({ length: 12 }, () => false));
});

test('isolates of one snapshot have random numbers of their own', async () => {
  const body = `return [Math.random(), crypto.randomUUID()];`;
  const [first, second] = [await run(body), await run(body)] as [[number, string], [number, string]];
  expect(first[0]).not.toBe(second[0]);
  expect(first[1]).not.toBe(second[1]);
});

describe('work of the host', () => {
  const derive = (iterations: number) =>
    `crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: ${iterations} }, await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']), 256)`;

  test('counts as CPU time before it is done', async () => {
    await expect(run(`await ${derive(900_000)};`, { cpu: '100ms' })).rejects.toMatchObject({ code: 'cpu' });
    expect(await run(`return (await ${derive(9000)}).byteLength;`, { cpu: '1s' })).toBe(32);
  });

  test('is given up when its invocation has ended', async () => {
    const body = `for (let n = 0; n < 20; n++) ${derive(100_000)}.catch(() => 0); return 'ended';`;
    expect(await run(body)).toBe('ended');
    expect(await run(`return (await crypto.subtle.digest('SHA-1', new Uint8Array(1))).byteLength;`)).toBe(20);
  });

  test('is refused beyond so many at a time', async () => {
    const body = `const all = Array.from({ length: 300 }, () => crypto.subtle.digest('SHA-1', new Uint8Array(1)).then(() => 'done', (error) => error.message)); const said = await Promise.all(all); return [said.filter((text) => text === 'done').length, said.at(-1)];`;
    expect(await run(body)).toEqual([256, expect.stringContaining('more than 256 calls wait at a time')]);
  });

  test('is not there at the top level of a module', async () => {
    const module = `const told = await crypto.subtle.digest('SHA-1', new Uint8Array(1)).catch((error) => error.message); export default { invoke: () => told };`;
    await sandbox.deploy('top', module);
    expect(await sandbox.invoke('top')).toBe('crypto.subtle is there only while an event is handled');
  });
});
