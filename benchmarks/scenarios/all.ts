import type { Scenario } from '../scenario.ts'
import { catchUp } from './catch-up.ts'
import { client } from './client.ts'
import { clusterCommits } from './cluster-commits.ts'
import { clusterIngest } from './cluster-ingest.ts'
import { commits } from './commits.ts'
import { geo } from './geo.ts'
import { ingest, ingestTls } from './ingest.ts'
import { lone } from './lone.ts'
import { serve } from './serve.ts'
import { serveApart } from './serve-apart.ts'
import { serveSemisync } from './serve-semisync.ts'
import { serveTls } from './serve-tls.ts'
import { takeOver } from './take-over.ts'

/** In the order in which they run on one corpus. */
export const scenarios: readonly Scenario[] = [
  client,
  ingest,
  ingestTls,
  clusterIngest,
  serve,
  serveApart,
  serveSemisync,
  serveTls,
  // These write to the source: what comes after them would not find the corpus as it was made.
  catchUp,
  lone,
  commits,
  clusterCommits,
  geo,
  takeOver,
]

/** What each measures, by its name. */
export const measures: ReadonlyMap<string, string> = new Map(
  scenarios.map((scenario) => [scenario.name, scenario.measures]),
)
