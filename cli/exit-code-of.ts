import { CommanderError } from 'commander';
import { AgentError, type AgentErrorCode } from '../agent/errors.ts';
import { SyncError, type SyncErrorCode } from '../cloud-sync/errors.ts';
import { FunctionError, type FunctionErrorCode } from '../functions/function-error.ts';
import { errorCode } from '../lib/error-code.ts';
import { isTransientNetworkError } from '../lib/network-error.ts';
import { ManifestError, type ManifestErrorCode } from '../manifests/manifest-error.ts';
import { CliError, type CliErrorCode } from './errors.ts';
import { exitCodes, type ExitCode, type ExitName } from './exit-codes.ts';

/** The one table from error codes to exit codes. The types make it whole: a code without a row does not compile. */
export const cliExits: Readonly<Record<CliErrorCode, ExitName>> = {
  usage: 'usage',
  noContext: 'notFound',
  badContext: 'invalid',
  notFound: 'notFound',
  exists: 'conflict',
  invalidFile: 'invalid',
  invalidManifest: 'invalid',
  tooLarge: 'invalid',
  wrongDevice: 'invalid',
  noPassphrase: 'usage',
  deployFailed: 'failure',
  superseded: 'conflict',
  timedOut: 'failure',
  testsFailed: 'failure',
  snapshotFailed: 'failure',
  refusedKey: 'unverified',
  damaged: 'unverified',
  portInUse: 'conflict',
  interrupted: 'interrupted',
};

export const syncExits: Readonly<Record<SyncErrorCode, ExitName>> = {
  network: 'unreachable',
  unauthorized: 'refused',
  forbidden: 'refused',
  notFound: 'notFound',
  conflict: 'conflict',
  badAnswer: 'unreachable',
  registry: 'failure',
  rateTooLow: 'unreachable',
  unavailable: 'unreachable',
  timeout: 'unreachable',
  deviceOffline: 'unreachable',
  commandFailed: 'failure',
  internal: 'failure',
  badReference: 'invalid',
  badRequest: 'invalid',
  digestMismatch: 'unverified',
  sizeMismatch: 'unverified',
  badManifest: 'invalid',
  missingBundle: 'notFound',
  tooLarge: 'invalid',
  corrupt: 'storage',
  badState: 'storage',
  badImage: 'invalid',
  badArchive: 'invalid',
  wrongPlatform: 'invalid',
  noRepository: 'notFound',
  repositoryExists: 'conflict',
  badKeyFile: 'invalid',
  locked: 'conflict',
  stale: 'unverified',
  quotaExceeded: 'storage',
  damaged: 'unverified',
  diskFull: 'storage',
  portInUse: 'conflict',
  folderInUse: 'conflict',
  badToken: 'invalid',
  tokenExpired: 'refused',
  tokenUsed: 'refused',
  badCsr: 'invalid',
  badCertificate: 'refused',
  revoked: 'refused',
  pinMismatch: 'unverified',
  badRecoveryKey: 'invalid',
  wrongPassphrase: 'refused',
};

export const manifestExits: Readonly<Record<ManifestErrorCode, ExitName>> = {
  invalid: 'invalid',
  notCanonical: 'unverified',
  digestMismatch: 'unverified',
  tooLarge: 'invalid',
  unresolved: 'notFound',
  wrongDevice: 'invalid',
};

export const agentExits: Readonly<Record<AgentErrorCode, ExitName>> = {
  portInUse: 'conflict',
  diskFull: 'storage',
  corrupt: 'storage',
  stateBroken: 'storage',
  broken: 'storage',
  locked: 'conflict',
  rootNotEmpty: 'conflict',
  notEnrolled: 'notFound',
  agentNotRunning: 'notFound',
  notConfigured: 'notFound',
  unknownApp: 'notFound',
  unknownGeneration: 'notFound',
  noRuntime: 'notFound',
  badImage: 'invalid',
  startFailed: 'failure',
  unhealthy: 'failure',
  notSecured: 'storage',
  unknownFunction: 'notFound',
  unknownDeadLetter: 'notFound',
  unknownSecret: 'notFound',
  unknownDevice: 'notFound',
  unknownVolume: 'notFound',
  unknownStream: 'notFound',
  unknownConsumer: 'notFound',
  badInput: 'invalid',
  badMessage: 'invalid',
  unsupported: 'invalid',
  denied: 'refused',
  refused: 'failure',
  paused: 'conflict',
  notPinned: 'invalid',
  tooLarge: 'invalid',
  queueFull: 'failure',
  overloaded: 'failure',
  conflict: 'conflict',
  gone: 'conflict',
  cloudUnreachable: 'unreachable',
  timeout: 'failure',
  cancelled: 'failure',
  closed: 'failure',
};

export const functionExits: Readonly<Record<FunctionErrorCode, ExitName>> = {
  timeout: 'failure',
  cpu: 'failure',
  memory: 'failure',
  threw: 'failure',
  denied: 'refused',
  badCall: 'failure',
  badOptions: 'invalid',
  callFailed: 'failure',
  tooDeep: 'failure',
  secretMissing: 'notFound',
  resultTooLarge: 'failure',
  eventTooLarge: 'invalid',
  badBundle: 'unverified',
  buildFailed: 'invalid',
  unsupported: 'invalid',
  notDeployed: 'notFound',
  noHandler: 'notFound',
  hostLost: 'failure',
  queueFull: 'failure',
  crashLoop: 'failure',
  cancelled: 'failure',
};

/** Errors of node itself that reach the top, by errno name. */
const systemExits: Readonly<Record<string, ExitName>> = {
  ENOENT: 'notFound',
  EACCES: 'refused',
  EPERM: 'refused',
  EEXIST: 'conflict',
  ENOTDIR: 'conflict',
  EISDIR: 'conflict',
  ENOTEMPTY: 'conflict',
  ENAMETOOLONG: 'invalid',
  ELOOP: 'invalid',
  EADDRINUSE: 'conflict',
  ENOSPC: 'storage',
  EDQUOT: 'storage',
  EROFS: 'storage',
  EIO: 'storage',
};

export function exitCodeOf(error: unknown): ExitCode {
  return exitCodes[exitNameOf(error)];
}

function exitNameOf(error: unknown): ExitName {
  if (error instanceof CliError) return exitIn(cliExits, error.code);
  if (error instanceof SyncError) return exitIn(syncExits, error.code);
  if (error instanceof ManifestError) return manifestExitOf(error);
  if (error instanceof FunctionError) return exitIn(functionExits, error.code);
  if (error instanceof AgentError) return agentExitOf(error);
  if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage';
  if (isTransientNetworkError(error)) return 'unreachable';
  return systemExits[errorCode(error) ?? ''] ?? 'failure';
}

/** A newer cloud or agent may use a code that this version does not know. */
function exitIn(table: Readonly<Record<string, ExitName>>, code: string): ExitName {
  return table[code] ?? 'failure';
}

function agentExitOf(error: AgentError): ExitName {
  return exitIn({ ...functionExits, ...syncExits, ...agentExits }, agentCodeOf(error));
}

/** What the agent refused over its socket comes with the agent's own code as the cause. */
export function agentCodeOf({ code, cause }: AgentError): string {
  return (code === 'refused' ? errorCode(cause) : undefined) ?? code;
}

/** A reference that cannot be resolved ends as the look-up did: not there, not allowed, or not reachable. */
function manifestExitOf({ code, cause }: ManifestError): ExitName {
  return code === 'unresolved' && cause !== undefined ? exitNameOf(cause) : exitIn(manifestExits, code);
}
