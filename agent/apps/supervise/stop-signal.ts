import { constants } from 'node:os';

const names = new Map<number, string>(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
);

/** The signal that ends an app: of the manifest, else of its image (`SIGQUIT`, `QUIT`, `3`), else SIGTERM. */
export function stopSignalOf(declared: string | undefined, ofImage: string | undefined): string {
  if (declared !== undefined) return declared;
  const text = (ofImage ?? '').toUpperCase();
  const name = /^[0-9]{1,2}$/.test(text)
    ? names.get(Number(text))
    : text.startsWith('SIG')
      ? text
      : `SIG${text}`;
  return name !== undefined && Object.hasOwn(constants.signals, name) ? name : 'SIGTERM';
}
