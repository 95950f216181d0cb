import { expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCli, startDaemon, temporaryFolder, type CliResult } from '../support/cli.ts';

/** A real cloud and a real agent; generations that differ by a label. */

const manifest = (site: string, updates = ''): string => `apiVersion: holdfast/v1
kind: Machine
metadata: { name: kiosk-1, labels: { site: ${site} } }
${updates}`;
/** In February of leap years alone. */
const rare = 'updates: { windows: [{ cron: "0 3 29 2 *", duration: 1h, timezone: UTC }] }\n';

function json(result: CliResult): Record<string, unknown> {
  expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

test('generations are staged, activated, held back, rolled back and pinned by the command line', async () => {
  await using folder = await temporaryFolder();
  const at = (...names: string[]): string => join(folder.path, ...names);
  const env = {
    HOLDFAST_CONTEXT: at('cloud', 'operator.json'),
    HOLDFAST_ROOT: at('device'),
    HOME: folder.path,
  };
  const cli = (...parameters: string[]): Promise<CliResult> => runCli(parameters, { env });
  const phases = async (...of: string[]): Promise<unknown[]> => {
    const { generations } = json(await cli('generations', ...of, '--json'));
    return (generations as { generation: number; phase: string }[]).map((one) => [one.generation, one.phase]);
  };
  for (const [name, text] of Object.entries({
    ...{ 'one.yaml': manifest('one'), 'two.yaml': manifest('two') },
    'three.yaml': manifest('three', rare),
  }))
    await writeFile(at(name), text);
  await using _cloud = await startDaemon(['cloud', 'up', '--folder', at('cloud')], env);
  const token = (await cli('devices', 'enrol', 'kiosk-1')).stdout.trim();
  await using _agent = await startDaemon(
    ['agent', 'up', '--root', at('device'), '--mqtt-port', '0', '--token', token],
    env,
  );

  json(await cli('deploy', at('one.yaml'), '--wait', '--json'));
  const staged = json(await cli('deploy', at('two.yaml'), '--stage', '--wait', '--json'));
  expect(staged).toMatchObject({ generation: 2, hold: true, staged: true, committed: false });
  expect(await phases()).toEqual([
    [2, 'staged'],
    [1, 'committed'],
  ]);
  expect(json(await cli('activate', 'kiosk-1', '2', '--wait', '--json'))).toMatchObject({ committed: true });
  expect(await phases('kiosk-1')).toEqual([
    [2, 'committed'],
    [1, 'committed'],
  ]);

  expect(json(await cli('pin', '1', '--json'))).toEqual({ pinned: [1] });

  const waiting = await cli('deploy', at('three.yaml'), '--wait', '3s');
  expect(waiting.code).toBe(1);
  expect(waiting.stderr).toContain(
    'Generation 3 is on disk and waits for its update window, which opens at 20',
  );
  expect(waiting.stderr).toContain('-02-29T03:00:00Z');
  expect((await cli('activate', '--local', '2')).stderr).toContain('the newest here is 3');
  json(await cli('activate', '--local', '--json'));
  json(await cli('deploy', at('three.yaml'), '--wait', '--json'));

  const back = json(await cli('rollback', 'kiosk-1', '--wait', '--json'));
  expect(back).toMatchObject({ generation: 4, restored: 2, digest: staged.digest, committed: true });
  // By now only three others stay: a pinned one is there all the same.
  expect(json(await cli('pin', '1', '--json'))).toEqual({ pinned: [1] });
  expect((await cli('generations')).stdout).toMatch(/^1 +committed +\S+ +pinned/m);
  expect(json(await cli('unpin', '1', '--json'))).toEqual({ pinned: [] });
  expect((await cli('pin', '9')).stderr).toContain('Generation 9 is not on this device');
}, 120_000);
