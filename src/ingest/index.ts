/*
  ingest: carries what the source sends into the journal: begins files, gives up half transactions after a broken
  connection, waits for room, goes on for ever.

  Promises: the journal's files hold the source's bytes without a gap, a repetition or half a transaction that
  could be shown. It must not know: how the journal makes anything durable, who reads it, the store.
*/
export { Ingest, type IngestCounters, type IngestOptions } from './ingest.ts'
export { holdingsOf } from './journal-holdings.ts'
