import { z } from 'zod';

const userId = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .default(0);

/** Who made a lock or a snapshot, in a schema of either. Defaults are what Go leaves out. */
export const authorFields = {
  hostname: z.string().default(''),
  username: z.string().default(''),
  uid: userId,
  gid: userId,
};
