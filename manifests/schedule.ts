import cron from 'node-cron';
import { text } from './primitives.ts';

/** Numbers of two digits at most: the expander of ranges would take minutes over `0-99999999`. */
const cronPattern = /^(?![^\0]*[0-9]{3})[0-9A-Za-z*,/#?-]{1,100}(?: +[0-9A-Za-z*,/#?-]{1,100}){4,5}$/;

export const cronSchema = text(
  { maxLength: 128, pattern: cronPattern },
  'a cron expression: five fields (or six, seconds first), such as "*/5 * * * *"',
).refine((expression) => cron.validate(expression), {
  message: 'a cron expression with fields in range that can come true',
});

export const timezoneSchema = text(
  { maxLength: 64, pattern: /^[A-Za-z0-9_+/-]+$/ },
  'an IANA time zone, such as Europe/Berlin',
).refine(isTimezone, 'an IANA time zone, such as Europe/Berlin');

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
