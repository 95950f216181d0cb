import { errorMessage } from '../../lib/error-code.ts';
import { sqliteResultCode } from '../../lib/sqlite-result-code.ts';
import { AgentError } from '../errors.ts';

/** Primary result codes: https://sqlite.org/rescode.html */
const codes = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
};

/** Whether the bytes of the database are wrong, as against a disk that does not answer. */
export function isCorruption(error: unknown): boolean {
  const code = primaryCode(error);
  return code === codes.corrupt || code === codes.notADatabase;
}

export function isFullDisk(error: unknown): boolean {
  return primaryCode(error) === codes.full;
}

/** Translates what node:sqlite throws. Other errors are bugs and come back as they are. */
export function storeError(error: unknown, path: string): Error {
  const code = primaryCode(error);
  if (code === undefined) return asError(error);
  const detail = errorMessage(error);
  switch (code) {
    case codes.full:
      return new AgentError('diskFull', `Cannot write ${path}: the disk is full`, {
        cause: error,
        hint: 'Free space on this disk; the agent goes on by itself.',
        transient: true,
      });
    case codes.busy:
    case codes.locked:
      return new AgentError('locked', `Cannot use ${path}: another process holds it`, {
        cause: error,
        hint: 'Stop the other agent or tool that has this file open.',
        transient: true,
      });
    case codes.corrupt:
    case codes.notADatabase:
      return new AgentError('corrupt', `The local store ${path} is corrupt (${detail})`, {
        cause: error,
        hint: 'Restart the agent: it sets the file aside and begins a new one.',
      });
    case codes.io:
    case codes.readOnly:
    case codes.cantOpen:
      return new AgentError('broken', `Cannot read or write ${path} (${detail})`, {
        cause: error,
        hint: 'Check the disk and the permissions of the folder, then restart the agent.',
      });
    default:
      return asError(error);
  }
}

function primaryCode(error: unknown): number | undefined {
  const code = sqliteResultCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(errorMessage(error), { cause: error });
}
