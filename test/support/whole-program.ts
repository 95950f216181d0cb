import type { Command } from 'commander';
import { addCommands, createProgram } from '../../cli/program.ts';

/** `holdfast` with all its commands. */
export async function wholeProgram(): Promise<Command> {
  const program = createProgram(process);
  await addCommands(program, { io: process, signal: new AbortController().signal });
  return program;
}
