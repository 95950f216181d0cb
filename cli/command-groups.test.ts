import { describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { commandGroups, groupsFor } from './command-groups.ts';

const surroundings = { io: process, signal: new AbortController().signal };

describe('the groups of commands', () => {
  test.each(commandGroups)('$names are what it registers', async ({ names, load }) => {
    const program = new Command();
    (await load())(program, surroundings);
    expect(program.commands.flatMap((command) => [command.name(), ...command.aliases()])).toEqual(names);
  });

  test('one alone is loaded for a command and for its alias', () => {
    expect(groupsFor('snapshots')).toHaveLength(1);
    expect(groupsFor('snapshots')).toEqual(groupsFor('snapshot'));
  });

  test.each([undefined, 'snapshto', 'help'])('all are for %p', (name) => {
    expect(groupsFor(name)).toBe(commandGroups);
  });
});
