import { describe, expect, test } from '@jest/globals';
import { CommanderError } from 'commander';
import { AgentError } from '../agent/errors.ts';
import { SyncError } from '../cloud-sync/errors.ts';
import { ManifestError } from '../manifests/manifest-error.ts';
import { CliError, type CliErrorCode } from './errors.ts';
import { agentExits, cliExits, exitCodeOf, functionExits, manifestExits, syncExits } from './exit-code-of.ts';
import { exitCodes, exitMeanings } from './exit-codes.ts';

/** The types of the tables make them whole; here it is shown that each row reaches the shell. */
const tables = { cliExits, syncExits, agentExits, manifestExits, functionExits };

describe('exit codes', () => {
  test.each(Object.entries(tables))(
    'every code in %s ends in a documented exit code that is not success',
    (_name, table) => {
      for (const name of Object.values(table)) {
        expect(exitCodes[name]).toBeGreaterThan(0);
        expect(exitMeanings[name]).not.toBe('');
      }
    },
  );

  test('an error of each kind ends with the code of its row', () => {
    expect(exitCodeOf(new CliError('noContext', ''))).toBe(exitCodes.notFound);
    expect(exitCodeOf(new SyncError('tokenUsed', ''))).toBe(exitCodes.refused);
    expect(exitCodeOf(new SyncError('digestMismatch', ''))).toBe(exitCodes.unverified);
    expect(exitCodeOf(new AgentError('portInUse', ''))).toBe(exitCodes.conflict);
    expect(exitCodeOf(new ManifestError('invalid', ''))).toBe(exitCodes.invalid);
  });

  test('an unresolved reference ends as its look-up did', () => {
    const cause = new SyncError('network', 'the registry is away');
    expect(exitCodeOf(new ManifestError('unresolved', '', { cause }))).toBe(exitCodes.unreachable);
    expect(exitCodeOf(new ManifestError('unresolved', ''))).toBe(exitCodes.notFound);
  });

  test('what the agent refused ends by the code the agent gave', () => {
    const refused = (code: string) => new AgentError('refused', '', { cause: { code } });
    expect(exitCodeOf(refused('unknownFunction'))).toBe(exitCodes.notFound);
    expect(exitCodeOf(refused('noHandler'))).toBe(exitCodes.notFound);
    expect(exitCodeOf(refused('threw'))).toBe(exitCodes.failure);
  });

  test('errors of node end by their errno', () => {
    expect(exitCodeOf(Object.assign(new Error(), { code: 'ENOSPC' }))).toBe(exitCodes.storage);
    expect(exitCodeOf(Object.assign(new Error(), { code: 'ECONNREFUSED' }))).toBe(exitCodes.unreachable);
    expect(exitCodeOf(Object.assign(new Error(), { code: 'EADDRINUSE' }))).toBe(exitCodes.conflict);
  });

  test('help is success and a wrong command line is 2', () => {
    expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', ''))).toBe(0);
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownCommand', ''))).toBe(2);
  });

  test('a code of a newer version, a defect and a thrown non-error all end with 1', () => {
    expect(exitCodeOf(new CliError('codeOfTomorrow' as CliErrorCode, ''))).toBe(1);
    expect(exitCodeOf(new TypeError('x is undefined'))).toBe(1);
    expect(exitCodeOf('text')).toBe(1);
  });
});
