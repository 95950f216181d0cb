/** What a wall clock in the zone is ahead of UTC at an instant, in milliseconds. */
export type ZoneOffset = (at: number) => number;

/** `timezone`: an IANA name; that of this machine when left out. Throws RangeError for a name that is not known. */
export function zoneOffset(timezone: string | undefined): ZoneOffset {
  if (timezone === undefined) return (at) => -new Date(at).getTimezoneOffset() * 60_000;
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: timezone, calendar: 'iso8601', numberingSystem: 'latn', hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  return (at) => {
    const part = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes): number => part.get(type) ?? 0;
    const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
    return local - Math.floor(at / 1000) * 1000;
  };
}

/** The first whole minute in (from, until] at which the offset is another one than at `from`; at most one change is expected. */
export function nextOffsetChange(offsetAt: ZoneOffset, from: number, until: number): number | undefined {
  const before = offsetAt(from);
  if (offsetAt(until) === before) return undefined;
  let low = Math.floor(from / 60_000);
  let high = Math.ceil(until / 60_000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 60_000) === before) low = middle;
    else high = middle;
  }
  return high * 60_000;
}
