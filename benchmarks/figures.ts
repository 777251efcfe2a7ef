/*
  Every figure that a benchmark can state, with its unit as the tables show it. One measurement has some of them.
*/
export const figureUnits = {
  megabytesPerSecond: 'MB/s',
  transactionsPerSecond: 'trx/s',
  cpu: 'CPU s/GB',
  clientCpu: 'client CPU s/GB',
  cpuPerThousand: 'CPU s/1000 trx',
  clientCpuPerThousand: 'client CPU s/1000 trx',
  peakMegabytes: 'peak MB',
  writtenPerByte: 'written/byte',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  maxMs: 'max ms',
  takeOvers: 'take-overs',
} as const

export type FigureName = keyof typeof figureUnits

/** What one run of one party has shown. */
export type Run = Readonly<Partial<Record<FigureName, number>>>
