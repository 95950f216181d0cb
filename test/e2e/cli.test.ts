import { describe, expect, jest, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { builtProgram } from '../support/built-program.ts';
import { nodeFlags, runCli, spawnCli, temporaryFolder } from '../support/cli.ts';
import { wholeProgram } from '../support/whole-program.ts';
import type { Command } from 'commander';
import { exitCodes, exitMeanings, formatExitCodes, type ExitName } from '../../cli/exit-codes.ts';

jest.setTimeout(180_000);

describe('the command line', () => {
  test('an unknown command ends with 2 and names the nearest one', async () => {
    const { code, stderr, stdout } = await runCli(['vallidate']);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean validate?');
    expect(stdout).toBe('');
  });

  test('no command prints the help and ends with 2', async () => {
    const { code, stderr } = await runCli([]);
    expect(code).toBe(2);
    expect(stderr).toContain('holdfast deploy machine.yaml');
  });

  test('an unknown option, a bad number and a missing argument end with 2', async () => {
    const lines = [
      ['push', '--nam', 'x'],
      ['cloud', 'up', '--folder', 'x', '--api-port', '99999'],
      ['validate'],
    ];
    for (const line of lines) expect((await runCli(line)).code).toBe(2);
  });

  test('with --json a failure is one JSON document on stdout', async () => {
    const { stdout, code } = await runCli(['devices', 'enrol', 'UPPER', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage', exit: 2 } });
  });

  test('version --json names this version and its node', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const { code, stdout } = await runCli(['version', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ version, node: process.versions.node });
  });

  test('where no agent runs the hint says how to start one, and how to name another', async () => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await runCli(['status', '--root', folder.path]);
    expect(code).toBe(exitCodes.notFound);
    expect(stderr).toContain(`hint: Start it with: holdfast agent up --root ${folder.path}. `);
    expect(stderr).toContain('HOLDFAST_ROOT');
  });

  test('help exit-codes prints the table, help of nothing ends with 2', async () => {
    expect((await runCli(['help', 'exit-codes'])).stdout.trim()).toBe(formatExitCodes().trim());
    expect((await runCli(['help', 'nothing'])).code).toBe(2);
  });

  test('a reader that closes early is no failure', async () => {
    const command = `"$0" ${nodeFlags.join(' ')} "$1" --help | true; exit "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', command, process.execPath, builtProgram()], { stdio: 'ignore' });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
  });

  test('a reader of remarks and logs that is gone, and a full disk under them, change nothing', async () => {
    const alone = spawnCli(['validate', 'not-there.yaml']);
    alone.stderr?.destroy();
    expect(await codeOf(alone)).toBe(exitCodes.notFound);
    if (!existsSync(fullDisk)) return;
    const command = `exec "$0" ${nodeFlags.join(' ')} "$1" validate not-there.yaml 2> ${fullDisk}`;
    const full = spawn('bash', ['-c', command, process.execPath, builtProgram()], { stdio: 'ignore' });
    expect(await codeOf(full)).toBe(exitCodes.notFound);
  });

  test('a result that a full disk did not take ends with 9, and says so', async () => {
    if (!existsSync(fullDisk)) return;
    const command = `exec "$0" ${nodeFlags.join(' ')} "$1" version > ${fullDisk}`;
    const child = spawn('bash', ['-c', command, process.execPath, builtProgram()], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    expect(await codeOf(child)).toBe(exitCodes.storage);
    expect(stderr).toMatch(/^error: Cannot write to stdout: .*ENOSPC.*\n$/);
  });

  test('a cloud whose line that it is ready nobody reads, or finds no room, serves all the same', async () => {
    await using folder = await temporaryFolder();
    const isUp = async (stdout: 'pipe' | number) => {
      const cloud = spawn(
        process.execPath,
        [...nodeFlags, builtProgram(), 'cloud', 'up', '--folder', folder.path],
        {
          stdio: ['ignore', stdout, 'pipe'],
        },
      );
      cloud.stdout?.destroy();
      const ended = codeOf(cloud);
      const log = createInterface({ input: cloud.stderr ?? process.stdin });
      await Promise.race([once(log, 'line'), ended]);
      const env = { HOLDFAST_CONTEXT: join(folder.path, 'operator.json') };
      const { code } = await runCli(['devices', 'list', '--retry', '1s'], { env });
      cloud.kill('SIGTERM');
      return [code, await ended];
    };
    expect(await isUp('pipe')).toEqual([0, 0]);
    if (!existsSync(fullDisk)) return;
    expect(await isUp(openSync(fullDisk, 'w'))).toEqual([0, 0]);
  });
});

/** Of Linux: what is written there finds no room. */
const fullDisk = '/dev/full';

async function codeOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

describe('manifests', () => {
  test('init writes a manifest that validates, and never over another file', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'machine.yaml');
    expect((await runCli(['init', 'greenhouse-7', '-o', file])).code).toBe(0);
    const { stdout } = await runCli(['validate', file, '--json']);
    expect(JSON.parse(stdout)).toEqual({ ok: true, device: 'greenhouse-7', problems: [] });

    const again = await runCli(['init', 'other', '-o', file]);
    expect(again.code).toBe(8);
    expect(again.stderr).toContain('hint: ');
    expect(await readFile(file, 'utf8')).toContain('greenhouse-7');
    expect((await runCli(['init', 'other', '-o', file, '--force'])).code).toBe(0);
  });

  test('validate prints every problem with its place and ends with 3', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'bad.yaml');
    await writeFile(
      file,
      'apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: UPPER }\nstreams:\n  a: { topic: [x] }\n',
    );
    const { code, stderr } = await runCli(['validate', file]);
    expect(code).toBe(3);
    expect(stderr).toContain(`${file}:3:`);
    expect(stderr).toContain(`${file}:5:`);
    expect(stderr).toContain('"topics"');
    const json = JSON.parse((await runCli(['validate', file, '--json'])).stdout) as {
      problems: { line: number }[];
    };
    expect(json.problems.map(({ line }) => line)).toEqual(expect.arrayContaining([3, 5]));
  });

  test('a manifest that is missing, a folder, binary or endless ends with one clear line', async () => {
    await using folder = await temporaryFolder();
    const binary = join(folder.path, 'binary.yaml');
    await writeFile(binary, Buffer.from([0xff, 0xfe, 0x00]));
    expect((await runCli(['validate', join(folder.path, 'none.yaml')])).code).toBe(4);
    expect((await runCli(['validate', folder.path])).code).toBe(3);
    expect((await runCli(['validate', binary])).code).toBe(3);
    expect((await runCli(['validate', '/dev/zero'])).code).toBe(3);
  });

  test('a manifest can come from stdin', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'machine.yaml');
    await runCli(['init', '-o', file]);
    expect((await runCli(['validate', '-'], { input: await readFile(file) })).code).toBe(0);
  });
});

describe('passwords', () => {
  test('hash-password hashes what is piped in and refuses nothing at all', async () => {
    const { stdout, code } = await runCli(['hash-password'], { input: 'greenhouse' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$/);
    expect((await runCli(['hash-password'], { input: '' })).code).toBe(2);
  });
});

describe('without a cloud or an agent', () => {
  test('commands say what is missing and what to do', async () => {
    await using folder = await temporaryFolder();
    const context = await runCli(['devices', '--context', join(folder.path, 'none.json')]);
    expect(context.code).toBe(4);
    expect(context.stderr).toContain('holdfast cloud up');
    const agent = await runCli(['status', '--root', folder.path]);
    expect(agent.code).toBe(4);
    expect(agent.stderr).toContain('holdfast agent up');
  });

  test('a context file of something else ends with 3', async () => {
    await using folder = await temporaryFolder();
    const context = join(folder.path, 'context.json');
    await writeFile(context, '{"url": 1}');
    expect((await runCli(['devices', '--context', context])).code).toBe(3);
  });
});

describe('docs/cli.md', () => {
  test('names every command, every global option and every exit code', async () => {
    const doc = await readFile('docs/cli.md', 'utf8');
    const program = await wholeProgram();
    const commands = leaves(program);
    expect(commands).toContain('holdfast cloud up');
    for (const command of commands) expect(doc).toMatch(new RegExp(`^\\| \`${command}[ \`]`, 'm'));
    for (const { long } of program.options) {
      if (long !== '--version') expect(doc).toContain(`\`${long ?? ''}`);
    }
    for (const name of Object.keys(exitCodes) as ExitName[]) {
      expect(doc).toContain(`| ${exitCodes[name]} | ${exitMeanings[name]} |`);
    }
  });

  test('every command has examples in its help', async () => {
    const program = await wholeProgram();
    for (const command of allCommands(program).filter(({ commands }) => commands.length === 0)) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(help).toContain('Examples:\n  $ ');
    }
  });
});

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** `holdfast cloud up`, of every command that does something. */
function leaves(command: Command, prefix = ''): string[] {
  const name = `${prefix}${command.name()}`;
  return command.commands.length === 0
    ? [name]
    : command.commands.flatMap((child) => leaves(child, `${name} `));
}
