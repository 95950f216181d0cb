import { SyncError } from '../errors.ts';

export const noSuchDevice = (device: string) =>
  new SyncError('notFound', `There is no device ${device}`, {
    hint: `holdfast devices lists those there are; make a token for a new one: holdfast devices enrol ${device}`,
  });
