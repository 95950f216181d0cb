export type Coding = 'br' | 'zstd' | 'gzip';

/** The best for its bytes first: among what a caller likes equally. */
const codings: readonly Coding[] = ['br', 'zstd', 'gzip'];

const maxEntries = 32;

/** The codings a caller takes, those it likes most first (RFC 9110 §12.5.3). Without the header: none. */
export function acceptedCodings(header: string | undefined): Coding[] {
  if (header === undefined) return [];
  const weights = new Map(
    header
      .toLowerCase()
      .split(',', maxEntries)
      .map((entry) => {
        const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
        return [name === 'x-gzip' ? 'gzip' : name, weightOf(parameters)] as const;
      }),
  );
  const identity = weights.get('identity') ?? 0;
  const weight = (coding: Coding): number => weights.get(coding) ?? weights.get('*') ?? 0;
  return codings
    .filter((coding) => weight(coding) > 0 && weight(coding) >= identity)
    .sort((a, b) => weight(b) - weight(a));
}

/** 0 for one that cannot be read. */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  if (weight === undefined) return 1;
  return /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
}
