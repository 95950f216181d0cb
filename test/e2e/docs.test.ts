import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { wholeProgram } from '../support/whole-program.ts';

/** What the pages say is there is there. */

const pages = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).trim().split('\n');
const program = await wholeProgram();

test('every link of a page to another one, or to a file, leads somewhere', () => {
  const dead = pages.flatMap((page) => linksOf(page).filter((link) => !leadsSomewhere(page, link)));
  expect(dead).toEqual([]);
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(50);
});

test('every command that a page shows is one, with the options that it shows', () => {
  const shown = pages.flatMap((page) => commandsOf(page).map((line) => ({ page, line })));
  expect(shown.length).toBeGreaterThan(150);
  expect(
    shown.map(({ page, line }) => ({ page, line, wrong: wrongIn(line) })).filter(({ wrong }) => wrong),
  ).toEqual([]);
});

function linksOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/\[[^\]]*\]\((?!https?:)([^)\s]+)\)/g)].map(
    ([, link = '']) => link,
  );
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#', 2);
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(target)) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** As the names that GitHub gives them. */
function headingsOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

function withoutBlocks(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^```[^]*?^```/gm, '');
}

/** From blocks of shell and from code in the text, each up to where the shell would end it. */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll('\\\n', ' ');
  const blocks = [...text.matchAll(/^ *```(?:sh)?\n([^]*?)^ *```/gm)].flatMap(([, block = '']) =>
    block.split('\n'),
  );
  const inline = [...withoutBlocks(page).matchAll(/`([^`]+)`/g)].map(([, code = '']) =>
    code.replaceAll('\n', ' '),
  );
  return [...blocks, ...inline]
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/[|;&()`]+/))
    .flatMap(
      (part) =>
        /^(?:\s*\$)?(?:\s*\w+='[^']*'|\s*\w+=\S+|\s*npx|\s*npm run)*\s*holdfast (?:-- )?(.+)$/.exec(
          part,
        )?.[1] ?? [],
    )
    .map((line) => line.trim());
}

/** The first word that the program does not know. */
function wrongIn(line: string): string | undefined {
  const words = line.replaceAll(/'[^']*'|"[^"]*"/g, 'TEXT').split(/\s+/);
  let command: Command = program;
  for (const [index, word] of words.entries()) {
    const child = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    const isVerb = /^[a-z-]+$/.test(word) && !word.startsWith('-');
    if (child === undefined && isVerb && index === 0) return word;
    if (child) command = child;
    else if (word.startsWith('-') && !knows(command, word.replace(/=.*$/, ''))) return word;
  }
  return undefined;
}

function knows(command: Command, option: string): boolean {
  if (/^(--?|-h|--help)$/.test(option) || option.startsWith('-1')) return true;
  const isThere = command.options.some(({ long, short }) => long === option || short === option);
  return isThere || (command.parent !== null && knows(command.parent, option));
}
