import { beforeAll, expect, test } from '@jest/globals';
import { findProcessSandbox } from '../../../functions/runtime/find-process-sandbox.ts';
import type { ProcessSandbox } from '../../../functions/runtime/process-sandbox.ts';
import { corpus } from './corpus.ts';
import { runProgram } from './run-program.ts';

/** One test a program: each has a host process of its own, and a neighbour in it that has to go on answering. [G6] */
export function testPrograms(group: keyof typeof corpus): void {
  let around: ProcessSandbox;
  beforeAll(async () => {
    around = await findProcessSandbox();
  });

  test.each(corpus[group].map((program) => [program.name, program] as const))(
    'a function that %s hurts only itself',
    async (_name, program) => {
      const { problems } = await runProgram(program, { warmUpEvents: 5, around });
      expect(problems).toEqual([]);
    },
    150_000,
  );
}
