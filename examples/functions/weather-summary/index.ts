import type { FunctionModule, KeyValue, Publisher } from '../../../functions/sdk/index.ts';
import { addDay, emptyMonth, isLastDay, monthlyRow, monthToDate, type Month } from './month.ts';
import { parseReading, toDailyRow } from './reading.ts';

type Env = { readonly DAILY: Publisher; readonly MONTHLY: Publisher; readonly STATE: KeyValue };

/** One reading a day comes in; a converted row goes out, and a summary on the last day of the month. */
export default {
  async message(event, env) {
    const reading = parseReading(event.json());
    const dayKey = `day/${reading.date}`;
    // MQTT QoS 1 may deliver a reading twice.
    if ((await env.STATE.get(dayKey)) !== undefined) {
      console.warn(`${reading.date} came again and was left out`);
      return;
    }
    const month = addDay(await loadMonth(env, reading.date.slice(0, 7)), reading);
    await env.STATE.put(dayKey, true);
    await env.STATE.put(`month/${month.month}`, month);
    await env.STATE.put('latest', month.month);
    await env.DAILY.publish({ ...toDailyRow(reading), monthToDate: monthToDate(month) });
    if (isLastDay(reading.date)) await env.MONTHLY.publish(monthlyRow(month));
  },

  async scheduled(_event, env) {
    const latest = await env.STATE.get('latest');
    if (typeof latest !== 'string') {
      console.log('no reading yet');
      return;
    }
    console.log(`${latest} so far: ${JSON.stringify(monthToDate(await loadMonth(env, latest)))}`);
  },

  /** Payload `{ "month": "2012-01" }`; the answer is that month so far. */
  async invoke(payload, env) {
    const month = (payload as { month?: unknown } | null | undefined)?.month;
    if (typeof month !== 'string' || !/^\d{4}-\d{2}$/.test(month)) {
      throw new TypeError('The payload must be { "month": "YYYY-MM" }');
    }
    return { month, ...monthToDate(await loadMonth(env, month)) };
  },
} satisfies FunctionModule<Env>;

async function loadMonth(env: Env, month: string): Promise<Month> {
  return ((await env.STATE.get(`month/${month}`)) as Month | undefined) ?? emptyMonth(month);
}
