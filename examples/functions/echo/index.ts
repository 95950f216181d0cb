import type { LambdaHandler } from '../../../functions/sdk/index.ts';

/** The smallest function, in the shape of a Lambda handler: answers with what it was given. */
export const handler: LambdaHandler = async (event, context) => {
  console.log(`echo ${context.invocation}`);
  return Promise.resolve(event);
};
