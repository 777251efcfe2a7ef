/*
  What the daemon does for those who administer a node in SQL, and what SHOW REPLICA STATUS tells of the
  source: the same that the HTTP API does and tells, on whichever node it is asked.
*/

/** The link to the source, as the node has it that reads the source. */
export interface SourceView {
  readonly state:
    | 'unconfigured'
    | 'connecting'
    | 'streaming'
    | 'waiting'
    | 'paused'
    | 'stopped'
    | 'failed'
    | 'follower'
  /** HOST:PORT */
  readonly address: string | null
  readonly user: string | null
  /** source.tls */
  readonly tls: string | null
  readonly caFile: string | null
  readonly serverUuid: string | null
  /** the source's file and position up to which everything was received */
  readonly file: string | null
  readonly position: number | null
  readonly lagSeconds: number | null
  /** when the state began; ISO 8601, UTC */
  readonly since: string | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/** What is to be another; undefined stays as it is. */
export interface SourceWishes {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly tls?: 'disabled' | 'preferred' | 'required' | 'verify-ca' | 'verify-identity' | undefined
  /** null: the authorities that Node.js knows */
  readonly caFile?: string | null | undefined
}

/** Who keeps a file that was to be purged. */
export interface PurgeObstacle {
  readonly kind: 'reader' | 'absent-replica' | 'silent-node'
  /** null: any */
  readonly file: string | null
  readonly message: string
}

export interface Purged {
  /** files that went, of those that were asked for */
  readonly purged: number
  readonly asked: number
  readonly obstacles: readonly PurgeObstacle[]
}

export interface Administration {
  /** While no node that reads the source can be asked, what this node knows, with why as its error. */
  source(): Promise<SourceView>
  /** Each resolves when it is kept and, unless that takes long, so. @throws OperationalError */
  setSource(wishes: SourceWishes): Promise<void>
  startSource(): Promise<void>
  stopSource(): Promise<void>
  /** Removes the files before this one, up to the first that somebody keeps. @throws OperationalError */
  purge(upTo: string): Promise<Purged>
}
