import { execFileSync } from 'node:child_process';
import { lstat, mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { exchangeOutput, outputFile, streamOutput, writeOutput } from '../../cli/output-file.ts';
import { temporaryFolder } from '../support/cli.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => void (folder = await temporaryFolder()));
afterEach(async () => folder[Symbol.asyncDispose]());

const { signal } = new AbortController();

async function* pieces(...texts: string[]): AsyncGenerator<string> {
  for (const text of texts) yield await Promise.resolve(text);
}

describe('an output that a person named', () => {
  test('replaces a file, and leaves nothing else behind', async () => {
    const path = join(folder.path, 'machine.yaml');
    await writeFile(path, 'before');
    await writeOutput(path, 'one');
    expect(await readFile(path, 'utf8')).toBe('one');
    await streamOutput(path, pieces('tw', 'o'), { signal });
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(folder.path)).toEqual(['machine.yaml']);
  });

  test('replaces the file behind a link, and the link stays', async () => {
    const [file, link] = [join(folder.path, 'file'), join(folder.path, 'link')];
    await writeFile(file, 'before');
    await symlink('file', link);
    await writeOutput(link, 'one');
    expect(await readFile(file, 'utf8')).toBe('one');
    await streamOutput(link, pieces('two'), { signal });
    expect(await readFile(file, 'utf8')).toBe('two');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await outputFile(link)).toBe(file);
  });

  test('is put where a link leads that leads to nothing yet, and the link stays', async () => {
    await mkdir(join(folder.path, 'data'));
    const [link, file] = [join(folder.path, 'link'), join(folder.path, 'data', 'file')];
    await symlink('data', join(folder.path, 'also'));
    await symlink('also/next', link);
    await symlink('../data/file', join(folder.path, 'data', 'next'));
    const takeBack = await exchangeOutput(link, 'one');
    expect(await readFile(file, 'utf8')).toBe('one');
    await takeBack();
    expect(await readdir(join(folder.path, 'data'))).toEqual(['next']);
    await streamOutput(link, pieces('two'), { signal });
    expect(await readFile(file, 'utf8')).toBe('two');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    await symlink('nowhere/file', join(folder.path, 'astray'));
    await expect(writeOutput(join(folder.path, 'astray'), '')).rejects.toMatchObject({
      code: 'notFound',
      message: expect.stringContaining(`there is no folder ${join(folder.path, 'nowhere')}`),
    });
  });

  test('is written to a pipe, as to any other thing that is no file, and never put in its place', async () => {
    const pipe = join(folder.path, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await using reader = await open(pipe, constants.O_RDWR);
    const heard = async (): Promise<string> => {
      const { buffer, bytesRead } = await reader.read({ buffer: Buffer.alloc(100) });
      return buffer.toString('utf8', 0, bytesRead);
    };
    await writeOutput(pipe, 'one');
    expect(await heard()).toBe('one');
    await streamOutput(pipe, pieces('two'), { signal });
    expect(await heard()).toBe('two');
    await expect(outputFile(pipe)).rejects.toMatchObject({ code: 'exists' });
    expect((await lstat(pipe)).isFIFO()).toBe(true);
    expect(await readdir(folder.path)).toEqual(['pipe']);
  });

  test('is refused by the name that was given when its folder is missing, or is no folder', async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    for (const path of [join(folder.path, 'none', 'machine.yaml'), join(file, 'machine.yaml')])
      await expect(writeOutput(path, '')).rejects.toMatchObject({
        code: 'notFound',
        message: expect.stringContaining(`Cannot write ${path}: there is no folder`),
      });
  });

  test('is refused when it is a folder', async () => {
    const path = join(folder.path, 'machine.yaml');
    await mkdir(path);
    await expect(writeOutput(path, '')).rejects.toMatchObject({ code: 'invalidFile' });
    await expect(streamOutput(path, pieces(), { signal })).rejects.toMatchObject({ code: 'invalidFile' });
  });
});
