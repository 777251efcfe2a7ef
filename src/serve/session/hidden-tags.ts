import { TaggedGtidHider } from '../../mysql/index.ts'
import type { DumpError, DumpRequest, DumpSink } from '../dump-request.ts'
import type { LoggedIn } from './login.ts'

export type Client = Pick<LoggedIn, 'user' | 'attributes'>

/** By program_name: they keep what they are sent, tags and all, and send it on. */
const SERVERS = new Set(['mysqld', 'mariadbd', 'kingbus'])

/** The request, or why its client cannot have it: from servers, and by GTIDs, no tag may be hidden. */
export function checkHiding(
  request: DumpRequest,
  { user, attributes }: Client,
): DumpRequest | DumpError {
  if (!user.hidesTaggedGtids) return request
  const isServer =
    SERVERS.has(attributes.get('program_name') ?? '') ||
    attributes.has('_client_replication_channel_name')
  if (isServer) {
    return refused(
      user.name,
      'and a server that replicates would lose them: let it log in as another user',
    )
  }
  if (request.isSemiSync) {
    return refused(user.name, 'which a semi-sync dump cannot have: let its client ask for none')
  }
  if (request.from !== undefined) return request
  // Its set never has them: they would be missing for ever, and come again at every connect.
  return refused(user.name, 'so its client must ask for a file and position, not by GTIDs')
}

function refused(name: string, message: string): DumpError {
  const text = `the user '${name}' has tagged GTIDs hidden (tagged-gtids: hidden), ${message}`
  return { code: 1236, sqlState: 'HY000', message: text }
}

/** The sink of a dump whose tags are hidden. */
export function hidingSink(sink: DumpSink): DumpSink {
  const hider = new TaggedGtidHider()
  return { signal: sink.signal, write: (bytes, done) => sink.write(hider.push(bytes), done) }
}
