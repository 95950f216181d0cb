import { CommanderError } from 'commander';
import { AgentError } from '../agent/errors.ts';
import { FunctionError } from '../functions/function-error.ts';
import { CodedError } from '../lib/coded-error.ts';
import { errorCode, errorMessage } from '../lib/error-code.ts';
import { CliError } from './errors.ts';
import { agentCodeOf, exitCodeOf } from './exit-code-of.ts';
import type { ExitCode } from './exit-codes.ts';
import { paint, type Io } from './io.ts';
import { escapeLines } from './printable.ts';
import { explainSystemError } from './system-error.ts';

export type ReportOptions = { readonly json: boolean; readonly verbose: boolean };

/**
 * Says why a command failed: one line, a hint line, the stack with `--verbose`. With `--json` stdout carries
 * `{"error": {code, message, hint, exit}}` besides.
 */
export function reportError(io: Io, error: unknown, { json, verbose }: ReportOptions): ExitCode {
  const exit = exitCodeOf(error);
  if (error instanceof CommanderError) {
    // commander has written its own message already; help and version are no errors.
    if (json && exit !== 0)
      writeJson(io, {
        error: { code: 'usage', message: oneLine(error.message).replace(/^error: /, ''), exit },
      });
    return exit;
  }
  const details = error instanceof CliError ? error.details : problemsIn(error);
  const data = error instanceof CliError ? error.data : {};
  const explained = explainSystemError(error);
  const message = oneLine(explained?.message ?? errorMessage(error));
  const hint = explained?.hint ?? hintOf(error, verbose);
  if (json) {
    writeJson(io, {
      ...data,
      error: { code: codeOf(error), message, ...(hint !== undefined && { hint }), exit },
    });
  }
  // A function, a device or a registry may have worded it.
  const write = (head: string, text: string): void => void io.stderr.write(`${head}${escapeLines(text)}\n`);
  for (const line of details) write('', line);
  write(`${paint(io, 'stderr', 'red', 'error:')} `, withoutProblems(message, details));
  if (hint !== undefined) write(`${paint(io, 'stderr', 'cyan', 'hint:')} `, oneLine(hint));
  if (verbose) write('', formatStack(error));
  return exit;
}

/** Problems of a function's source, each `file:line:column: …`, come as lines under a first that says whose they are. */
function problemsIn(error: unknown): readonly string[] {
  return error instanceof FunctionError && error.code === 'buildFailed'
    ? error.message.split('\n').slice(1)
    : [];
}

function withoutProblems(message: string, problems: readonly string[]): string {
  const at = message.indexOf(problems[0] ?? '\n');
  return at > 0 ? message.slice(0, at).replace(/:\s*$/, '.') : message;
}

function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value)}\n`);
}

function codeOf(error: unknown): string {
  if (error instanceof AgentError) return agentCodeOf(error);
  if (error instanceof CodedError) return (error as CodedError).code;
  return errorCode(error) ?? 'internal';
}

function hintOf(error: unknown, verbose: boolean): string | undefined {
  if (error instanceof CodedError) return error.hint;
  if (errorCode(error) !== undefined || verbose) return undefined;
  return 'This may be a defect of Holdfast. Run it again with --verbose to see where it happened.';
}

/** Several lines would break the promise of one; the rest of the message stays readable. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}

function formatStack(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${formatStack(error.cause)}`;
  return (error.stack ?? error.message) + cause;
}
