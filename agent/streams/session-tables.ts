/** What the local broker remembers of its clients over restarts; part of schema version 4. */
export const sessionTables = '';
