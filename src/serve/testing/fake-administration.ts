import type { Administration, Purged, SourceView, SourceWishes } from '../administration.ts'

const STREAMING: SourceView = {
  state: 'streaming',
  address: 'db1:3307',
  user: 'repl',
  tls: 'verify-ca',
  caFile: '/etc/ca.pem',
  serverUuid: 'aaaaaaaa-0000-4000-8000-000000000001',
  file: 'binlog.000002',
  position: 4711,
  lagSeconds: 0.4,
  since: '2026-05-01T10:00:00.000Z',
  error: null,
}

/** Remembers what it was asked for, and does nothing. */
export class FakeAdministration implements Administration {
  view: SourceView = STREAMING
  purged: Purged = { purged: 1, asked: 1, obstacles: [] }
  readonly asked: (string | readonly [string, SourceWishes | string])[] = []

  source(): Promise<SourceView> {
    return Promise.resolve(this.view)
  }

  setSource(wishes: SourceWishes): Promise<void> {
    return this.#remember(['set', wishes])
  }

  startSource(): Promise<void> {
    return this.#remember('start')
  }

  stopSource(): Promise<void> {
    return this.#remember('stop')
  }

  async purge(upTo: string): Promise<Purged> {
    await this.#remember(['purge', upTo])
    return this.purged
  }

  #remember(what: FakeAdministration['asked'][number]): Promise<void> {
    this.asked.push(what)
    return Promise.resolve()
  }
}
