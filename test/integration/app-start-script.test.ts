import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { digestOf } from '../../lib/digest.ts';
import type { LaunchSpec } from '../../agent/apps/ports.ts';
import { startScript } from '../../agent/apps/run/start-script.ts';

const spec: Omit<LaunchSpec, 'env'> = {
  ...{ app: 'web', image: digestOf('image'), rootfs: '/', isolation: 'process', args: ['env'], cwd: '/' },
  ...{ user: { uid: 0, gid: 0, groups: [] }, mounts: [], network: 'host', limits: {} },
};

test('a shell gives a program exactly the environment it is told, whatever the names and the values are', () => {
  const env = [
    'QUOTED=\'a\' "b" $c `d` \\e',
    'LINES=one\ntwo',
    'with.dot=1',
    'PPID=7',
    'OPTIND=x',
    'IFS=x',
    'EMPTY=',
    '=no',
  ];
  const script = startScript({ id: 'web-1', startedAt: '', spec: { ...spec, env } }, '/tmp/../');
  const args = ['-s', '--', process.execPath, '-p', 'JSON.stringify(process.env)'];
  const { stdout, output } = spawnSync('sh', args, {
    ...{ input: script, encoding: 'utf8', env: { INHERITED: 'yes', PATH: '/bin', OLDPWD: '/' } },
    stdio: ['pipe', 'pipe', 'inherit', 'ignore', 'pipe'],
  });
  const { _: _ofTheShell, PWD: _folder, ...seen } = JSON.parse(stdout) as Record<string, string>;
  expect(seen).toEqual({
    ...{
      QUOTED: '\'a\' "b" $c `d` \\e',
      LINES: 'one\ntwo',
      'with.dot': '1',
      PPID: '7',
      OPTIND: 'x',
      IFS: 'x',
    },
    ...{ EMPTY: '', HOLDFAST_INSTANCE: 'web-1', INHERITED: 'yes' },
  });
  expect(output[4]).toMatch(/^\d+\n$/);
});
